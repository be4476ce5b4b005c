import { createHash, type Hash, hash } from 'node:crypto'
import type { Fields } from '../http/fields.js'
import { kept } from '../wire/shared-read.js'
import type { RepeatableBody } from './repeatable-body.js'

/** A request body that was read before the first attempt; attempts are given it as ever. */
export type GatheredBody = {
  /** Hex SHA-256. */
  readonly digest: string
  /** `undefined` when it is longer than it may be in memory once more. */
  readonly bytes: Buffer | undefined
  readonly trailers: Fields
}

/** @param memory bytes @param done `undefined` when the body is too long to be kept: it was not read to its end */
export function gatherBody(
  body: RepeatableBody | undefined,
  memory: number,
  done: (gathered: GatheredBody | undefined) => void,
): void {
  let hashing: Hash | undefined
  /** Of a body that came in one piece, as most do: that costs half. */
  let atOnce: string | undefined
  const chunks: Buffer[] = []
  let bytes = 0
  const finish = (trailers: Fields) => {
    const digest = atOnce ?? hashing?.digest('hex') ?? hash('sha256', '', 'hex')
    done({ digest, bytes: bytes > memory ? undefined : Buffer.concat(chunks), trailers })
  }
  if (body === undefined) return finish([])
  const { framing } = body
  const see = (chunk: Buffer) => {
    if (framing.kind === 'length' && chunk.length === framing.length) atOnce = hash('sha256', chunk, 'hex')
    else hashing = (hashing ?? createHash('sha256')).update(chunk)
    bytes += chunk.length
    if (bytes <= memory) chunks.push(kept(chunk))
    else chunks.length = 0
  }
  body.gather(see, trailers => (trailers ? finish(trailers) : done(undefined)))
}
