import { statSync } from 'node:fs'
import { openTables } from './lmdb-tables.js'
import { fromRecord } from './record.js'

/**
 * Walks through a store's file in a process of its own, which a damaged one may kill. Ends with 0 when every entry is
 * there and as it was written.
 */
async function checkFile(path: string): Promise<boolean> {
  const { size } = statSync(path)
  const tables = await openTables(path, size + SPARE)
  // No entry is smaller than a byte: more of them means that pages point in circles.
  let left = size
  for (const { key, value } of tables.entries.getRange({})) {
    left -= 1
    if (left < 0 || typeof key !== 'string' || fromRecord(key, value) === undefined) return false
  }
  for (const index of [tables.ends, tables.comforts]) {
    for (const { key } of index.getRange({})) {
      left -= 1
      if (left < 0 || !Array.isArray(key) || !tables.entries.doesExist(key[1])) return false
    }
  }
  // A write reads the list of free pages; nothing of it stays.
  const undo = new Error('undo')
  try {
    tables.root.transactionSync(() => {
      tables.facts.putSync('check', Buffer.alloc(WRITE))
      throw undo
    })
  } catch (error) {
    if (error !== undo) throw error
  }
  return true
}

const SPARE = 16 * 1_048_576
const WRITE = 65_536

process.exitCode = (await checkFile(process.argv[2] ?? '').catch(() => false)) ? 0 : 1
