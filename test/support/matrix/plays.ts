import type { Socket } from 'node:net'
import { type Dice, inPieces, turns } from './dice.js'
import type { Arrival, Turn } from './scripted-origin.js'

/** In pieces cut anywhere, the event loop going round between them. */
export async function say(socket: Socket, text: string | Buffer, dice: Dice): Promise<void> {
  for (const piece of inPieces(Buffer.from(text as string, 'latin1'), dice)) {
    if (socket.destroyed) return
    socket.write(piece)
    if (!dice.once(3)) await turns(1 + dice.roll(3))
  }
}

/** Written to its last byte before what follows. */
export const flushed = (socket: Socket): Promise<void> =>
  new Promise(resolve => (socket.destroyed ? resolve() : socket.write('', () => resolve())))

/** Resolves when the daemon has ended the connection, as it must. */
export async function left(socket: Socket): Promise<void> {
  if (!socket.destroyed && !socket.readableEnded) {
    await new Promise<void>(resolve => socket.once('end', resolve).once('close', () => resolve()))
  }
  socket.destroy()
}

/** A connection that ends, cleanly or not. */
export async function end({ socket, reset }: Turn, dice: Dice): Promise<void> {
  await flushed(socket)
  if (!dice.once(3)) await turns(dice.roll(4))
  const how = dice.roll(3)
  if (how === 0) reset()
  else if (how === 1) socket.destroy()
  else socket.end()
}

/** A good answer; tests look for it by its words. */
export async function wellPlayed({ arrival, body, socket }: Turn, dice: Dice): Promise<void> {
  if ((await body()) === undefined) return
  await say(socket, goodAnswer(arrival, dice), dice)
}

export function goodAnswer(arrival: Arrival, dice: Dice): string {
  const words = `well ${arrival.path.replace(/^.*\/|\?.*$/g, '')}`
  const padded = words.padEnd(words.length + dice.roll(3) * 700, '.')
  const chunked = dice.once(2)
  const head = `HTTP/1.1 200 OK\r\nX-Nonce: ${words.slice(5)}\r\n`
  const half = dice.roll(padded.length - 1) + 1
  const chunk = (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`
  const rest = chunked
    ? `Transfer-Encoding: chunked\r\n\r\n${[padded.slice(0, half), padded.slice(half)].filter(Boolean).map(chunk).join('')}0\r\n\r\n`
    : `Content-Length: ${padded.length}\r\n\r\n${padded}`
  return head + rest
}

/** Hands over the pieces one by one; slowness is the fault here. */
export async function trickle(socket: Socket, pieces: readonly string[], every: number): Promise<void> {
  for (const [n, piece] of pieces.entries()) {
    if (n > 0) await new Promise(resolve => setTimeout(resolve, every))
    if (socket.destroyed) return
    socket.write(piece)
  }
}

export const text = (length: number): string => 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length)
