import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Calls, openCall, type Path } from './call.js'
import { contentOf } from './content.js'
import type { Errand } from './errand.js'
import { wonder } from './tally.js'
import { ECHO, wishFields } from './upstream-request.js'

/** How long somebody who does nothing stays, in milliseconds. */
const STAY = 700

/** Clients that nobody wants; each leaves by itself. */
export async function beRude(calls: Calls, path: Path, errand: Errand, id: number): Promise<void> {
  calls.tally.rude++
  switch (errand.manner) {
    case 'leave-uploading':
      return leaveUploading(path, errand, id)
    case 'leave-downloading':
      return leaveDownloading(path, errand, id)
    case 'half-head':
      return sendAndStay(path, `GET ${path.target} HTTP/1.1\r\nHost: ${path.host}\r\nX-Half`)
    case 'never-read':
      return sendAndStay(path, requestText(path, errand, id))
    default:
  }
}

async function leaveUploading(path: Path, errand: Errand, id: number): Promise<void> {
  const request = openCall(path, errand, id)
  request.on('error', () => undefined).on('response', response => response.resume().on('error', () => undefined))
  request.write(contentOf(id, errand.uploads >> 1))
  await sleep(id % 200)
  request.destroy()
}

async function leaveDownloading(path: Path, errand: Errand, id: number): Promise<void> {
  const request = openCall(path, errand, id)
  await new Promise<void>(resolve => {
    request.on('error', () => resolve()).on('close', () => resolve())
    request.on('response', response => {
      response.on('error', () => undefined).once('data', () => request.destroy())
      response.once('end', () => resolve())
    })
    request.end()
  })
}

function requestText({ target, host }: Path, errand: Errand, id: number): string {
  const fields = Object.entries(wishFields({ id, ...errand })).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields.join('')}\r\n`
}

/** Reads nothing. */
async function sendAndStay({ port }: Path, text: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined).pause()
  socket.write(text)
  await Promise.race([sleep(STAY), once(socket, 'close')])
  socket.destroy()
}

/** A connection that becomes another protocol's; every byte has to come back. */
export async function upgrade(calls: Calls, path: Path, errand: Errand, id: number): Promise<void> {
  const socket = connect({ port: path.port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  const offer = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  const text = requestText(path, errand, id)
  socket.write(`${text.slice(0, -2)}${offer}Sec-WebSocket-Key: c29hayBzb2FrIHNvYWsgMQ==\r\n\r\n`)
  const sent = contentOf(id, 5_000)
  const named = new RegExp(`\\r\\n${ECHO}: ${id}\\r\\n`, 'i')
  const isMine = await echoed(socket, sent, head => named.test(head)).catch(String)
  socket.destroy()
  if (isMine === true) calls.tally.upgraded++
  else wonder(calls.tally, errand, id, `upgrade: ${isMine}`)
}

/** True, or what is wrong. */
async function echoed(
  socket: ReturnType<typeof connect>,
  sent: Buffer,
  isMine: (head: string) => boolean,
): Promise<true | string> {
  let got = Buffer.alloc(0)
  let head: string | undefined
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    got = Buffer.concat([got, chunk])
    const end = got.indexOf('\r\n\r\n')
    if (head === undefined && end >= 0) {
      head = got.toString('latin1', 0, end + 4)
      got = got.subarray(end + 4)
      // At a gate, before a breaker, or from a daemon that protects itself.
      if (/^HTTP\/1\.1 (?:429|503)/.test(head)) return true
      if (!/^HTTP\/1\.1 101/.test(head)) return head
      if (!isMine(head)) return `of somebody else: ${head}`
      socket.write(sent)
    }
    if (head !== undefined && got.length >= sent.length) return got.equals(sent) || 'other bytes came back'
  }
  return 'ended early'
}
