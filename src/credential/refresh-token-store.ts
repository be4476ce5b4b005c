import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type JsonObject, parseObject } from '../json/read.js'
import { OpenToOthers, readOwnFile } from '../store/own-file.js'
import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { takeLock, type Unlock } from './file-lock.js'
import { printOf } from './oauth2-settings.js'
import { SourceError } from './source.js'

/** What is kept between runs. */
export type StoredSession = {
  readonly refreshToken: string
  /** What the last renewal gave, for the other processes (T3). */
  readonly access: StoredAccess | undefined
}

export type StoredAccess = {
  readonly token: string
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined
  /** Fingerprint of what was asked for: another configuration may want another one. */
  readonly wanted: string
}

/**
 * The refresh token of one credential, in `<state>/credentials/NAME.json`: readable by this user alone, replaced whole
 * or not at all, changed under a lock that all processes respect (T6, TR-20, TR-21).
 */
export class RefreshTokenStore {
  readonly path: string
  readonly #folder: string
  readonly #name: string
  readonly #clock: Clock

  constructor(state: string, name: string, clock: Clock) {
    this.#folder = join(state, 'credentials')
    this.#name = name
    this.#clock = clock
    this.path = join(this.#folder, `${name}.json`)
  }

  /** @throws what the system says when the folder cannot be made */
  async makeFolder(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
  }

  /** Undefined when another process kept it for `patience`. @throws what the system says */
  async lock(patience: Millis): Promise<Unlock | undefined> {
    await this.makeFolder()
    return takeLock(join(this.#folder, `${this.#name}.lock`), this.#clock, patience)
  }

  /**
   * What is kept for this session, undefined when there is nothing or what there is belongs to another one. Of a file that
   * is damaged nobody knows which: were it taken for another's, it would be overwritten.
   * @param session fingerprint of whose it is: never offer one server's token to another @throws SourceError
   */
  async read(session: string): Promise<StoredSession | undefined> {
    const text = await readIfAny(this.path)
    if (text === undefined) return undefined
    const kept = parseKept(text)
    if (kept === undefined) throw new SourceError(`${this.path} is damaged: ${REMEDY}`, false)
    const { session: whose, refresh_token: refreshToken } = kept
    if (whose !== session || typeof refreshToken !== 'string' || refreshToken === '') return undefined
    const { access_token: token, expires_at: expiresAt, wanted } = kept
    if (typeof token !== 'string' || typeof wanted !== 'string') return { refreshToken, access: undefined }
    return { refreshToken, access: { token, expiresAt: typeof expiresAt === 'number' ? expiresAt : undefined, wanted } }
  }

  /** On disk when it resolves, whenever the machine stops. Only under the lock. @throws what the system says */
  async write(session: string, { refreshToken, access }: StoredSession): Promise<void> {
    await this.makeFolder()
    await this.#removeDrafts()
    const kept = {
      session,
      refresh_token: refreshToken,
      access_token: access?.token,
      expires_at: access?.expiresAt,
      wanted: access?.wanted,
    }
    const text = JSON.stringify({ ...kept, print: printOf(kept) })
    const draft = `${this.path}.${randomBytes(4).toString('hex')}.tmp`
    try {
      await writeSynced(draft, `${text}\n`)
      await rename(draft, this.path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
    // Windows opens no directories, and needs it not.
    if (process.platform !== 'win32') await syncFolder(this.#folder)
  }

  /** Left by processes that died while they wrote, or took over a lock. */
  async #removeDrafts(): Promise<void> {
    for (const file of await readdir(this.#folder)) {
      if (!file.startsWith(this.#name)) continue
      if (/^\.(?:json\.[0-9a-f]{8}\.tmp|lock\.[0-9a-f]{8})$/.test(file.slice(this.#name.length)))
        await rm(join(this.#folder, file), { force: true })
    }
  }
}

const REMEDY = 'restore it, or remove it to begin with a new login, or with the configured refresh_token'

/** `undefined` for what `write` has not written so. */
function parseKept(text: string): JsonObject | undefined {
  const { print, ...kept } = parseObject(text) ?? {}
  return print === printOf(kept) ? kept : undefined
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function readIfAny(path: string): Promise<string | undefined> {
  try {
    return (await readOwnFile(path))?.toString()
  } catch (error) {
    if (error instanceof OpenToOthers) throw new SourceError(error.message, false)
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return undefined
    throw new SourceError(`cannot read ${path} (${code})`, false)
  }
}
