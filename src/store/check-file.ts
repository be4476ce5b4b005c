import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { openTables, type Tables } from './lmdb-tables.js'
import { fromRecord, fromTotals } from './record.js'

/**
 * Looks through a store's file in a process of its own, which a damaged one may kill. Ends with 0 when every entry is
 * there and as it was written, and when a copy survives what a daemon may do to it: damage to the list of free pages or
 * to the inside of a page shows in use only, and then as a page that two entries share, or as a crash.
 * @param copy where it may be, for a moment; a process that was killed leaves it there
 */
async function checkFile(path: string, copy: string): Promise<boolean> {
  const { size } = statSync(path)
  const tables = await openTables(path, size + SPARE)
  if (tables === undefined) return false
  // Better half a look than a good store refused for want of room.
  if (!hasRoom(path, 4 * size)) return isWhole(tables, size)
  // Pages as they are, of one moment: others may be writing.
  await tables.root.backup(copy, false)
  return isUsable(copy, size)
}

function hasRoom(path: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize > bytes + SPARE
}

/** Every entry and every place in an index, and together what was counted and summed up. */
function isWhole({ entries, ends, comforts, facts }: Tables, size: number): boolean {
  // No entry is smaller than a byte: more of them means that pages point in circles.
  let left = size
  let counted = 0
  let listed = 0
  let checksums = 0
  for (const { key, value } of entries.getRange({})) {
    const kept = typeof key === 'string' ? fromRecord(key, value) : undefined
    left -= 1
    counted += 1
    checksums = (checksums + (kept?.checksum ?? 0)) >>> 0
    if (left < 0 || kept === undefined) return false
    if (kept.evictable || kept.expiresAt !== Number.POSITIVE_INFINITY) listed += 1
  }
  for (const index of [ends, comforts]) {
    for (const { key } of index.getRange({})) {
      left -= 1
      listed -= 1
      if (left < 0 || !Array.isArray(key) || !entries.doesExist(key[1])) return false
    }
  }
  const isSummed = fromTotals(facts.get('totals'))?.checksums === checksums
  return listed === 0 && counted === entryCount(entries) && isSummed
}

/** Looks at every entry, takes every free page, looks at the entries again, and gives all of theirs back. */
async function isUsable(copy: string, size: number): Promise<boolean> {
  const tables = await openTables(copy, 4 * size + SPARE)
  if (tables === undefined) return false
  const { root, entries, ends, comforts, facts } = tables
  if (!isWhole(tables, size)) return false
  fill(tables, size)
  if (!isWhole(tables, 2 * size)) return false
  root.transactionSync(() => {
    for (const table of [entries, ends, comforts, facts])
      for (const key of [...table.getKeys({})]) (table as typeof entries).removeSync(key as string)
  })
  fill(tables, size)
  const empty = [entries, ends, comforts].every(table => table.getCount({}) === 0)
  await root.close()
  return empty
}

function fill({ root, facts }: Tables, bytes: number): void {
  const filler = Buffer.alloc(FILLER, 0xa5)
  for (let filled = 0; filled < bytes; filled += FILLER * AT_ONCE) {
    root.transactionSync(() => {
      for (let n = 0; n < AT_ONCE; n++) facts.putSync(`filler ${filled} ${n}`, filler)
    })
  }
}

const entryCount = (table: Tables['entries']): number =>
  (table.getStats() as { readonly entryCount: number }).entryCount

const SPARE = 16 * 1_048_576
const FILLER = 16_000
const AT_ONCE = 256

process.exitCode = (await checkFile(process.argv[2] ?? '', process.argv[3] ?? '').catch(() => false)) ? 0 : 1
