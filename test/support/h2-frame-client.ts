import type { TLSSocket } from 'node:tls'
import {
  block,
  FLAG,
  type Frame,
  frame,
  headers,
  PREFACE,
  readFrames,
  settings,
  settingsAck,
  TYPE,
} from './h2-frames.js'

/** An HTTP/2 client that sends what a test says, byte by byte. It acknowledges SETTINGS and nothing else. */
export type FrameClient = {
  readonly socket: TLSSocket
  readonly send: (...frames: Buffer[]) => void
  /** Everything read so far. */
  readonly frames: readonly Frame[]
  /** The first frame that fits, read already or still to come; `undefined` when the connection closes before. */
  readonly find: (fits: (frame: Frame) => boolean) => Promise<Frame | undefined>
  /** How a stream ended, once it has. */
  readonly ended: (stream: number) => Promise<StreamEnd>
  readonly closed: Promise<void>
}

type StreamEnd = {
  /** END_STREAM came: the answer is whole. */
  readonly complete: boolean
  /** The code of a RST_STREAM instead. */
  readonly reset: number | undefined
  readonly body: string
  /** The status that a problem document tells: header fields are compressed, and this client reads none. */
  readonly problem: number | undefined
}

/** @param socket its TLS is up, and `h2` was chosen @param values of the SETTINGS, as for `settings` */
export function frameClient(socket: TLSSocket, ...values: number[]): FrameClient {
  const frames: Frame[] = []
  const wake: (() => void)[] = []
  let over = false
  const changed = () => {
    for (const resume of wake.splice(0)) resume()
  }
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  void closed.then(() => {
    over = true
    changed()
  })
  const send = (...parts: Buffer[]) => void (socket.destroyed || socket.write(Buffer.concat(parts)))
  readFrames(socket, 0, read => {
    frames.push(read)
    if (read.type === TYPE.settings && (read.flags & FLAG.ack) === 0) send(settingsAck())
    changed()
  })
  const find = async (fits: (frame: Frame) => boolean) => {
    for (;;) {
      const found = frames.find(fits)
      if (found !== undefined || over) return found
      await new Promise<void>(resolve => wake.push(resolve))
    }
  }
  send(Buffer.from(PREFACE, 'latin1'), settings(...values))
  return { socket, send, frames, find, ended: stream => endOf(stream, frames, find), closed }
}

async function endOf(stream: number, frames: readonly Frame[], find: FrameClient['find']): Promise<StreamEnd> {
  const last = await find(read => read.stream === stream && (read.type === TYPE.reset || endsStream(read)))
  const chunks = frames.filter(read => read.stream === stream && read.type === TYPE.data).map(read => read.payload)
  const body = Buffer.concat(chunks).toString()
  const problem = /^\{"type":"urn:mulligan:.*"status":(\d{3})/.exec(body)?.[1]
  return {
    complete: last !== undefined && endsStream(last),
    reset: last?.type === TYPE.reset ? last.payload.readUInt32BE(0) : undefined,
    body,
    problem: problem === undefined ? undefined : Number(problem),
  }
}

const endsStream = ({ type, flags }: Frame): boolean =>
  (type === TYPE.data || type === TYPE.headers) && (flags & FLAG.end) !== 0

/** The code of the GOAWAY that ended a connection. */
export async function goawayCode(client: FrameClient): Promise<number | undefined> {
  const found = await client.find(read => read.type === TYPE.goaway)
  return found?.payload.readUInt32BE(4)
}

type Pair = readonly [string, string]

/** The fields of a request as every client sends them. */
export const asked = (method: string, path: string, ...more: Pair[]): Pair[] => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', 'api.test'],
  [':path', path],
  ...more,
]

/** A GET, complete. */
export const get = (stream: number, path: string, ...more: Pair[]): Buffer =>
  headers(stream, asked('GET', path, ...more), true)

/** A header block over several frames. */
export function fragments(stream: number, fields: readonly Pair[], size: number, end = true): Buffer {
  const bytes = block(fields)
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const type = at === 0 ? TYPE.headers : TYPE.continuation
    const last = at + size >= bytes.length ? FLAG.endHeaders : 0
    parts.push(frame(type, last | (at === 0 && end ? FLAG.end : 0), stream, bytes.subarray(at, at + size)))
  }
  return Buffer.concat(parts)
}
