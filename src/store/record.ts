import { crc32 } from 'node:zlib'
import type { Put } from './store.js'

/** An entry as a file or a server keeps it: CRC-32 of key and rest, when it ends, whether it may go, then the value. */
const HEADER = 13

export type Kept = {
  readonly value: Buffer
  readonly expiresAt: number
  readonly evictable: boolean
  readonly checksum: number
}

export function toRecord({ key, value, expiresAt, evictable = false }: Put): Buffer {
  const record = Buffer.allocUnsafe(HEADER + value.length)
  record.writeDoubleLE(expiresAt, 4)
  record[12] = evictable ? 1 : 0
  value.copy(record, HEADER)
  record.writeUInt32LE(checksum(key, record))
  return record
}

/** `undefined` for what `toRecord` has not written under this key. */
export function fromRecord(key: string, record: Buffer): Kept | undefined {
  if (record.length < HEADER || checksumOf(record) !== checksum(key, record)) return undefined
  const value = record.subarray(HEADER)
  return { value, expiresAt: record.readDoubleLE(4), evictable: record[12] === 1, checksum: checksumOf(record) }
}

export const checksumOf = (record: Buffer): number => record.readUInt32LE()

/**
 * Of all entries together: what they take in bytes, and the sum of their checksums. A page of an earlier time, left by a
 * loss of power in the place of the last, has good records: by their sum it shows.
 */
export type Totals = { readonly bytes: number; readonly checksums: number }

export const NOTHING: Totals = { bytes: 0, checksums: 0 }

export function toTotals({ bytes, checksums }: Totals): Buffer {
  const fact = Buffer.alloc(12)
  fact.writeDoubleLE(bytes)
  fact.writeUInt32LE(checksums >>> 0, 8)
  return fact
}

/** `undefined` for what `toTotals` has not written. */
export function fromTotals(fact: Buffer | undefined): Totals | undefined {
  return fact?.length === 12 ? { bytes: fact.readDoubleLE(), checksums: fact.readUInt32LE(8) } : undefined
}

const checksum = (key: string, record: Buffer): number => crc32(record.subarray(4), crc32(key))
