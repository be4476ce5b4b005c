import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeTables } from './lmdb-tables.js'
import { syncDirectory } from './own-file.js'
import { StoreError } from './store.js'

/** Time a file may take to be looked through, in milliseconds, and for each of its bytes: a damaged one can lead in circles. */
const CHECK_LIMIT = 10_000
const CHECK_LIMIT_PER_BYTE = 5e-4

const NEARLY_FULL = 1_048_576

/** No less than LMDB takes for its lock file; it makes use of more. */
const LOCK_ROOM = 16_384

/** No less than LMDB needs for tables without entries. */
const EMPTY_ROOM = 1_048_576

/** A store's file on disk: who may read it, whether it is whole, and what its failures are called. */
export class StoreFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** @throws StoreError with a remedy */
  async prepare(): Promise<void> {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
      chmodSync(dirname(this.path), 0o700)
      const isNew = !existsSync(this.path)
      if (isNew) await this.#make()
      makePrivate(this.path)
      if (!isNew && !this.#closedWell()) await this.#check()
      if (!existsSync(this.#mark)) return
      rmSync(this.#mark)
      // One that comes back with the power would vouch for what was written since.
      syncDirectory(dirname(this.path))
    } catch (error) {
      throw this.failure(error)
    }
  }

  /** Call when everything has been written and flushed: the next `prepare` need not look into it. */
  markClosed(): void {
    try {
      writeFileSync(this.#mark, this.#stamp(), { mode: 0o600 })
    } catch {
      // Without the mark the next start takes a little longer.
    }
  }

  /** What went wrong, in terms of the store. */
  failure(error: unknown): StoreError {
    if (error instanceof StoreError) return error
    const message = error instanceof Error ? error.message : String(error)
    const options = { cause: error }
    if (/MDB_MAP_FULL|MDB_TXN_FULL/.test(message))
      return new StoreError('full', `the store ${this.path} is full`, options)
    if (/ENOSPC|EDQUOT|No space left|quota/i.test(message) || (/Input\/output/.test(message) && this.#isDiskFull()))
      return new StoreError('full', `no room on the disk for the store ${this.path}; free some`, options)
    if (/EACCES|EPERM|EROFS|Permission denied|Read-only/i.test(message))
      return new StoreError('broken', `cannot write the store ${this.path}; make its directory writable`, options)
    return new StoreError('broken', `the store ${this.path} failed: ${message}`, options)
  }

  damaged(): StoreError {
    const remedy = 'it was left as it is; restore it from a backup, or move it away to begin with an empty one'
    return new StoreError('broken', `the store ${this.path} is damaged; ${remedy}`)
  }

  /** An empty store, whole or not at all, whenever the machine stops; of those who make it at once, one wins. */
  async #make(): Promise<void> {
    // One that was moved away left its mark.
    rmSync(this.#mark, { force: true })
    const folder = dirname(this.path)
    const drafts = `${basename(this.path)}.new-`
    const draft = join(folder, drafts + randomBytes(4).toString('hex'))
    try {
      makePrivate(draft)
      await makeTables(draft, EMPTY_ROOM)
      linkSync(draft, this.path)
      syncDirectory(folder)
    } catch (error) {
      // Another process was faster.
      if (!existsSync(this.path)) throw error
    } finally {
      // Also those of processes that died while they were at it.
      for (const name of readdirSync(folder)) if (name.startsWith(drafts)) rmSync(join(folder, name), { force: true })
    }
  }

  /**
   * A damaged file can kill the process that maps it (SIGBUS, SIGSEGV), so that a child looks first. Not after an orderly
   * end, which left a mark that still fits.
   */
  async #check(): Promise<void> {
    const { size } = statSync(this.path)
    // What we make is never empty.
    if (size === 0) throw this.damaged()
    const script = fileURLToPath(new URL('./check-file.js', import.meta.url))
    const { NODE_OPTIONS: _, ...env } = process.env
    const copy = `${this.path}.check-${randomBytes(4).toString('hex')}`
    const child = spawn(process.execPath, [script, this.path, copy], {
      env,
      stdio: 'ignore',
      timeout: Math.ceil(CHECK_LIMIT + size * CHECK_LIMIT_PER_BYTE),
      killSignal: 'SIGKILL',
    })
    const [code] = await once(child, 'exit')
    for (const name of [copy, `${copy}-lock`]) rmSync(name, { force: true })
    if (code !== 0) throw this.damaged()
  }

  /** LMDB tells a write that was cut short by a full disk as an input/output error. */
  #isDiskFull(): boolean {
    try {
      const { bavail, bsize } = statfsSync(dirname(this.path))
      return bavail * bsize < NEARLY_FULL
    } catch {
      return false
    }
  }

  get #mark(): string {
    return `${this.path}.closed`
  }

  #closedWell(): boolean {
    try {
      return readFileSync(this.#mark, 'utf8') === this.#stamp()
    } catch {
      return false
    }
  }

  /** Size and time of the last write. */
  #stamp(): string {
    const { size, mtimeNs } = statSync(this.path, { bigint: true })
    return `${size} ${mtimeNs}`
  }
}

/** A file for LMDB, which would let the group read what it creates. */
function makePrivate(path: string): void {
  const lock = `${path}-lock`
  for (const one of [path, lock]) {
    closeSync(openSync(one, 'a', 0o600))
    chmodSync(one, 0o600)
  }
  // It maps this one without having written it: on a full disk the first touch would be a SIGBUS.
  const missing = LOCK_ROOM - statSync(lock).size
  if (missing > 0) appendFileSync(lock, Buffer.alloc(missing))
}
