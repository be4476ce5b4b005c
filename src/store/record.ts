import { crc32 } from 'node:zlib'
import type { Put } from './store.js'

/** An entry as a file or a server keeps it: CRC-32 of key and rest, when it ends, whether it may go, then the value. */
const HEADER = 13

export type Kept = { readonly value: Buffer; readonly expiresAt: number; readonly evictable: boolean }

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
  if (record.length < HEADER || record.readUInt32LE() !== checksum(key, record)) return undefined
  return { value: record.subarray(HEADER), expiresAt: record.readDoubleLE(4), evictable: record[12] === 1 }
}

const checksum = (key: string, record: Buffer): number => crc32(record.subarray(4), crc32(key))
