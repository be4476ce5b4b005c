import { createHash } from 'node:crypto'
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
  const hash = createHash('sha256')
  const chunks: Buffer[] = []
  let bytes = 0
  const finish = (trailers: Fields) =>
    done({ digest: hash.digest('hex'), bytes: bytes > memory ? undefined : Buffer.concat(chunks), trailers })
  if (body === undefined) return finish([])
  const see = (chunk: Buffer) => {
    hash.update(chunk)
    bytes += chunk.length
    if (bytes <= memory) chunks.push(kept(chunk))
    else chunks.length = 0
  }
  body.gather(see, trailers => (trailers ? finish(trailers) : done(undefined)))
}
