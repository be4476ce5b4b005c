import type { Database, RootDatabase } from 'lmdb'

/** One file, four tables. */
export type Tables = {
  readonly root: RootDatabase<Buffer, string>
  /** Key to record. */
  readonly entries: Database<Buffer, string>
  /** [end, key] of every entry that ends and is no comfort. */
  readonly ends: Database<Buffer, [number, string]>
  /** [end, key] of every entry that may be dropped for room; for ever is `FOREVER`. */
  readonly comforts: Database<Buffer, [number, string]>
  /** What is kept, in bytes. */
  readonly facts: Database<Buffer, string>
}

export const FOREVER = Number.MAX_SAFE_INTEGER

/** @param mapSize bytes of address space, and the most the file can grow to */
export async function openTables(path: string, mapSize: number, readOnly = false): Promise<Tables> {
  const { open } = await import('lmdb')
  // overlappingSync would flush every commit on this thread; without it a commit is flushed only where it is asked for.
  const root = open<Buffer, string>(path, {
    noSubdir: true,
    encoding: 'binary',
    overlappingSync: false,
    remapChunks: false,
    maxDbs: 6,
    mapSize,
    readOnly,
  })
  return {
    root,
    entries: root.openDB('entries', { encoding: 'binary' }),
    ends: root.openDB('ends', { encoding: 'binary' }),
    comforts: root.openDB('comforts', { encoding: 'binary' }),
    facts: root.openDB('facts', { encoding: 'binary' }),
  }
}
