import type { Database, RootDatabase } from 'lmdb'
import { fromTotals, NOTHING, toTotals } from './record.js'

/** One file, four tables. */
export type Tables = {
  readonly root: RootDatabase<Buffer, string>
  /** Key to record. */
  readonly entries: Database<Buffer, string>
  /** [end, key] of every entry that ends and is no comfort. */
  readonly ends: Database<Buffer, [number, string]>
  /** [end, key] of every entry that may be dropped for room; for ever is `FOREVER`. */
  readonly comforts: Database<Buffer, [number, string]>
  /** `totals` of what is kept. */
  readonly facts: Database<Buffer, string>
}

export const FOREVER = Number.MAX_SAFE_INTEGER

/** In LMDB's order. */
const NAMES = ['comforts', 'ends', 'entries', 'facts'] as const

/**
 * @param mapSize bytes of address space, and the most the file can grow to
 * @returns `undefined` for a file that lacks one of them, which LMDB would make anew, so that all in it were gone unseen
 */
export async function openTables(path: string, mapSize: number): Promise<Tables | undefined> {
  const root = await openRoot(path, mapSize)
  const found = [...root.getKeys({ limit: NAMES.length + 1 })]
  if (found.join() === NAMES.join()) {
    const tables = tablesOf(root)
    if (fromTotals(tables.facts.get('totals')) !== undefined) return tables
  }
  await root.close()
  return undefined
}

/** Makes all four in an empty file, and flushes them. */
export async function makeTables(path: string, mapSize: number): Promise<void> {
  const { root, facts } = tablesOf(await openRoot(path, mapSize))
  root.transactionSync(() => facts.putSync('totals', toTotals(NOTHING)))
  await root.close()
}

async function openRoot(path: string, mapSize: number): Promise<Tables['root']> {
  const { open } = await import('lmdb')
  // overlappingSync would flush every commit on this thread; without it a commit is flushed only where it is asked for.
  return open<Buffer, string>(path, {
    noSubdir: true,
    encoding: 'binary',
    overlappingSync: false,
    remapChunks: false,
    maxDbs: 6,
    mapSize,
  })
}

function tablesOf(root: Tables['root']): Tables {
  const [comforts, ends, entries, facts] = NAMES
  return {
    root,
    entries: root.openDB(entries, { encoding: 'binary' }),
    ends: root.openDB(ends, { encoding: 'binary' }),
    comforts: root.openDB(comforts, { encoding: 'binary' }),
    facts: root.openDB(facts, { encoding: 'binary' }),
  }
}
