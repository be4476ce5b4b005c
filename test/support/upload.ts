import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { seeded } from './random.js'

const BLOCK = 65_536

/** A body of `bytes`, block by block: no two blocks are alike, so that a lost, doubled or moved one changes the digest. */
export function* blocks(bytes: number): Generator<Buffer> {
  const random = seeded(50)
  const block = Buffer.from(Array.from({ length: BLOCK }, () => Math.floor(random() * 256)))
  for (let at = 0; at < bytes; at += BLOCK) {
    const copy = Buffer.from(block)
    copy.writeUInt32BE(at, 0)
    yield copy.subarray(0, Math.min(BLOCK, bytes - at))
  }
}

/** SHA-256 of that body. */
export function digestOf(bytes: number): string {
  const hash = createHash('sha256')
  for (const block of blocks(bytes)) hash.update(block)
  return hash.digest('hex')
}

export type Upload = {
  readonly framing: 'length' | 'chunked'
  readonly trailers?: Record<string, string>
  /** Called before each block is handed over. */
  readonly onBlock?: () => void
}

/** Streams a POST of `bytes` through the proxy, as fast as it takes them. */
export async function upload(
  port: number,
  url: string,
  bytes: number,
  { framing, trailers, onBlock }: Upload,
): Promise<{ status: number; text: string; headers: IncomingMessage['headers'] }> {
  const length = framing === 'length' ? { 'Content-Length': bytes } : { 'Transfer-Encoding': 'chunked' }
  const trailer = trailers ? { Trailer: Object.keys(trailers).join(', ') } : {}
  const headers = { Host: new URL(url).host, ...length, ...trailer }
  const outgoing = request({ port, host: '127.0.0.1', method: 'POST', path: url, headers, agent: false })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  function* watched() {
    for (const block of blocks(bytes)) {
      onBlock?.()
      yield block
    }
    if (trailers) outgoing.addTrailers(trailers)
  }
  // An answer may come before the end; whoever closes then ends the upload.
  pipeline(Readable.from(watched()), outgoing).catch(() => undefined)
  const [incoming] = await answered
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return { status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: incoming.headers }
}

/** An upstream on Node's own server: what it makes of framing and trailers is an independent opinion. */
export async function startReceiver(handle: (seen: IncomingMessage, reply: ServerResponse, number: number) => void) {
  let number = 0
  const server = createServer((seen, reply) => handle(seen, reply, ++number))
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits: () => number,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads the whole body of a request. */
export async function received(seen: IncomingMessage): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of seen) {
    bytes += (chunk as Buffer).length
    hash.update(chunk as Buffer)
  }
  return { digest: hash.digest('hex'), bytes }
}

/** Calls `then` once `bytes` of the body have been read, and reads no further by itself. */
export function afterReading(seen: IncomingMessage, bytes: number, then: () => void): void {
  let left = bytes
  const onData = (chunk: Buffer) => {
    left -= chunk.length
    if (left > 0) return
    seen.off('data', onData)
    seen.pause()
    then()
  }
  if (bytes === 0) then()
  else seen.on('data', onData)
}
