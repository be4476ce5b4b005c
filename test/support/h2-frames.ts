import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { makeCertificate, type TestCertificate } from './certificate.js'

/** HTTP/2 byte by byte (RFC 9113 §4.1), for peers that do what no library would. */

export const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const
/** `end` is END_STREAM on DATA and HEADERS, ACK on SETTINGS and PING. */
export const FLAG = { end: 1, ack: 1, endHeaders: 4 } as const
/** Error codes (RFC 9113 §7). */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flow: 3,
  closed: 5,
  refused: 7,
  cancel: 8,
  calm: 11,
  http11: 13,
} as const

export type Frame = {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const HEAD = 9

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const uint32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

export const data = (stream: number, text: string | Buffer, end = false): Buffer =>
  frame(TYPE.data, end ? FLAG.end : 0, stream, Buffer.from(text))

/** Each field literal, never indexed and not compressed (RFC 7541 §6.2.2). */
export const headers = (stream: number, fields: readonly (readonly [string, string])[], end = false): Buffer =>
  frame(TYPE.headers, FLAG.endHeaders | (end ? FLAG.end : 0), stream, block(fields))

export const block = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), literal(name), literal(value)]))

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  // RFC 7541 §5.1: a length over 126 goes on in further bytes, seven bits in each.
  const length: number[] = bytes.length < 127 ? [bytes.length] : [127]
  if (bytes.length >= 127) {
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

export const reset = (stream: number, code: number): Buffer => frame(TYPE.reset, 0, stream, uint32(code))
export const goaway = (last: number, code: number): Buffer => frame(TYPE.goaway, 0, 0, uint32(last, code))
/** @param values identifier and value, in turn, such as 3 for MAX_CONCURRENT_STREAMS */
export function settings(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 3)
  for (let i = 0; i < values.length; i += 2) {
    bytes.writeUInt16BE(values[i] as number, i * 3)
    bytes.writeUInt32BE(values[i + 1] as number, i * 3 + 2)
  }
  return frame(TYPE.settings, 0, 0, bytes)
}
export const settingsAck = (): Buffer => frame(TYPE.settings, FLAG.ack, 0)
export const window = (stream: number, bytes: number): Buffer => frame(TYPE.window, 0, stream, uint32(bytes))

/** An answer without surprises. */
export const okay = (stream: number, text: string): Buffer =>
  Buffer.concat([headers(stream, [[':status', '200']]), data(stream, text, true)])

/** One connection of a frame server. */
export type FramePeer = {
  /** 1 for the first connection. */
  readonly number: number
  readonly socket: TLSSocket
  readonly send: (...frames: Buffer[]) => void
  /** Every frame read so far. */
  readonly frames: Frame[]
  /** Resolves when a frame fits that has not been given before. */
  readonly next: (fits: (frame: Frame) => boolean) => Promise<Frame>
  readonly closed: Promise<void>
}

export type FrameServer = {
  readonly port: number
  readonly url: string
  readonly connections: () => number
  /** @param number 1 for the first connection, which must have come */
  readonly peer: (number: number) => FramePeer
}

export type FrameScript = {
  /** After the connection preface was read. Without it SETTINGS are sent that say nothing. */
  readonly open?: (peer: FramePeer) => void
  readonly onFrame: (frame: Frame, peer: FramePeer) => void
}

/** An HTTP/2 server over TLS that sends what its script says; it only acknowledges SETTINGS by itself. */
export async function startFrameServer(
  t: Test,
  script: FrameScript,
  certificate: TestCertificate = makeCertificate(),
): Promise<FrameServer> {
  const peers: FramePeer[] = []
  const server = createServer({ ...certificate, ALPNProtocols: ['h2'] }, socket => {
    peers.push(serve(socket, peers.length + 1, script))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const { socket } of peers) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://localhost:${port}`,
    connections: () => peers.length,
    peer: number => peers[number - 1] as FramePeer,
  }
}

function serve(socket: TLSSocket, number: number, { open, onFrame }: FrameScript): FramePeer {
  const frames: Frame[] = []
  const given = new Set<Frame>()
  const wake: (() => void)[] = []
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  const peer: FramePeer = {
    number,
    socket,
    frames,
    closed,
    send: (...parts) => void (socket.destroyed || socket.write(Buffer.concat(parts))),
    next: async fits => {
      for (;;) {
        const found = frames.find(frame => !given.has(frame) && fits(frame))
        if (found !== undefined) {
          given.add(found)
          return found
        }
        await new Promise<void>(resolve => wake.push(resolve))
      }
    },
  }
  const hear = (read: Frame) => {
    frames.push(read)
    if (read.type === TYPE.settings && (read.flags & FLAG.ack) === 0) peer.send(settingsAck())
    onFrame(read, peer)
    for (const resume of wake.splice(0)) resume()
  }
  socket.on('error', () => undefined)
  readFrames(socket, PREFACE.length, hear, () => {
    if (open) open(peer)
    else peer.send(settings())
  })
  return peer
}

/** Tells of each frame that comes. @param skip bytes before the first one @param skipped runs when they are here */
export function readFrames(socket: TLSSocket, skip: number, hear: (frame: Frame) => void, skipped?: () => void): void {
  let buffer = Buffer.alloc(0)
  let toSkip = skip
  socket.on('data', chunk => {
    buffer = Buffer.concat([buffer, chunk])
    if (buffer.length < toSkip) return
    if (toSkip > 0) skipped?.()
    buffer = buffer.subarray(toSkip)
    toSkip = 0
    while (buffer.length >= HEAD && buffer.length >= HEAD + buffer.readUIntBE(0, 3)) {
      const length = buffer.readUIntBE(0, 3)
      const payload = buffer.subarray(HEAD, HEAD + length)
      const read = { type: buffer[3] ?? 0, flags: buffer[4] ?? 0, stream: buffer.readUInt32BE(5) & 0x7fffffff, payload }
      buffer = buffer.subarray(HEAD + length)
      hear(read)
    }
  })
}
