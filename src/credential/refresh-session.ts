import type { OAuth2Settings } from '../config/credential.js'
import type { Cancel } from '../time/clock.js'
import { millis, seconds } from '../time/units.js'
import { onFileChange } from './file-changes.js'
import { LOCK_LASTS, type Unlock } from './file-lock.js'
import { printOf, readSecret, shownUrl, wanted } from './oauth2-settings.js'
import { askPatiently } from './patience.js'
import { RefreshTokenStore, type StoredAccess } from './refresh-token-store.js'
import { type Fetched, SourceError } from './source.js'
import { type TokenAnswer, toSourceError } from './token-answer.js'
import { askForToken, type OAuth2World } from './token-endpoint.js'

/** Where a session is kept. */
export type SessionHome = {
  readonly state: string
  /** Of the credential. */
  readonly name: string
  /** Takes what an operator must know although there is a token, such as a full disk; never a secret. */
  readonly warn: (what: string) => void
}

/** Under the lock: less than the lock lasts, so nobody else renews meanwhile. */
const EXCHANGE_LASTS = seconds(25)
/** Whoever died with the lock has lost it by then. */
const LOCK_PATIENCE = millis(LOCK_LASTS + seconds(5))
/** What ends sooner is not worth taking over. */
const LEAST_LIFE = seconds(30)
/** Where changes of the file send no events. */
const LOOK_EVERY = seconds(60)

/** What to renew with. */
type Held = { readonly session: string; readonly refreshToken: string; readonly others: StoredAccess | undefined }

/** Whose tokens these are: another server, client or first token makes another session. @throws SourceError */
export async function sessionPrint({ settings, world }: Asking): Promise<{ session: string; initial?: string }> {
  const { refresh_token: ref, token_url, client_id } = settings
  if (ref === undefined) return { session: printOf(token_url, client_id) }
  const initial = await readSecret(ref, world.env)
  return { session: printOf(token_url, client_id, initial), initial }
}

type Asking = { readonly settings: OAuth2Settings; readonly world: OAuth2World }

/**
 * A session that lives in a refresh token, which many servers replace at each use (RFC 6749 §6). The new one is on
 * disk before the access token that came with it is given to anybody (T6). Whoever is killed between the server's
 * change and ours holds the old one only: no client can close that gap, so servers take the last one again for a
 * while (RFC 9700 §4.14.2 leaves that to them).
 */
export class RefreshSession {
  readonly #asking: Asking
  readonly #home: SessionHome
  readonly #store: RefreshTokenStore
  #pending: Promise<Fetched> | undefined
  /** The refresh token last seen in the file. */
  #seen: string | undefined
  /** The file's token that the watcher told of last. */
  #told: string | undefined
  /** One that could not be written: newer than the file's, unless that changes. */
  #unsaved: { readonly session: string; readonly refreshToken: string } | undefined
  /** The access token given last. */
  #given: string | undefined
  /** One that came when nobody waited any more. */
  #unclaimed: Fetched | undefined

  constructor(settings: OAuth2Settings, world: OAuth2World, home: SessionHome) {
    this.#asking = { settings, world }
    this.#home = home
    this.#store = new RefreshTokenStore(home.state, home.name, world.clock)
  }

  /**
   * The signal ends the wait, not the exchange: a server that answers late has replaced the refresh token all the
   * same. It is over within a minute. @throws SourceError
   */
  async fetch(signal: AbortSignal): Promise<Fetched> {
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined
    })
    const fetched = await unlessAborted(this.#pending, signal, shownUrl(this.#asking.settings.token_url))
    this.#given = fetched.token
    this.#unclaimed = undefined
    return fetched
  }

  /** Tells of a login, or of a renewal by another process. @returns ends that */
  watch(changed: () => void): Cancel {
    let end: Cancel | undefined
    let ended = false
    const look = () => {
      this.#isNews().then(news => {
        if (news && !ended) changed()
      }, ignore)
    }
    const start = () => {
      if (!ended) end = onFileChange(this.#store.path, this.#asking.world.clock, LOOK_EVERY, look)
    }
    this.#store.makeFolder().then(start, start)
    return () => {
      ended = true
      end?.()
    }
  }

  async #isNews(): Promise<boolean> {
    // Its own writing changes the file as well.
    await this.#pending?.catch(ignore)
    const { session } = await sessionPrint(this.#asking)
    const kept = (await this.#store.read(session))?.refreshToken
    if (kept === undefined || kept === this.#seen || kept === this.#told) return false
    this.#told = kept
    return true
  }

  async #renew(): Promise<Fetched> {
    const { clock } = this.#asking.world
    const unlock = await this.#lock()
    const over = new AbortController()
    const cancel = clock.schedule(EXCHANGE_LASTS, () => over.abort())
    try {
      return await this.#exchange(over.signal)
    } finally {
      cancel()
      await unlock()
    }
  }

  async #lock(): Promise<Unlock> {
    let unlock: Unlock | undefined
    try {
      unlock = await this.#store.lock(LOCK_PATIENCE)
    } catch (error) {
      this.#home.warn(
        `cannot lock ${this.#store.path} (${codeOf(error)}): other processes may renew "${this.#home.name}" at the same time`,
      )
      return async () => undefined
    }
    if (unlock !== undefined) return unlock
    throw new SourceError(`other processes keep ${this.#store.path} locked`, false)
  }

  async #exchange(signal: AbortSignal): Promise<Fetched> {
    const held = await this.#read()
    const ready = this.#unclaimed ?? this.#adoptable(held.others)
    this.#unclaimed = undefined
    if (ready !== undefined && this.#lives(ready)) return ready
    const answer = await this.#ask(held, signal)
    if (answer.kind !== 'refused' || answer.code !== 'invalid_grant') return this.#keep(held, answer)
    // A process that could not lock, or thought our lock abandoned, may have been faster (TR-21).
    const newer = await this.#read()
    if (newer.refreshToken === held.refreshToken) return this.#keep(held, answer)
    return this.#keep(newer, await this.#ask(newer, signal))
  }

  #ask({ refreshToken }: Held, signal: AbortSignal): Promise<TokenAnswer> {
    const { settings, world } = this.#asking
    // After a login the scope is the session's own.
    const parameters = { ...(settings.grant === 'device_code' ? settings.params : wanted(settings)) }
    const body = { ...parameters, refresh_token: refreshToken }
    return askPatiently(() => askForToken(settings, world, 'refresh_token', body, signal), world, signal)
  }

  async #read(): Promise<Held> {
    const { session, initial } = await sessionPrint(this.#asking)
    const stored = await this.#store.read(session)
    const changed = stored !== undefined && stored.refreshToken !== this.#seen
    if (changed) {
      this.#seen = stored.refreshToken
      this.#unsaved = undefined
    }
    const unsaved = this.#unsaved?.session === session ? this.#unsaved.refreshToken : undefined
    const refreshToken = unsaved ?? stored?.refreshToken ?? initial
    if (refreshToken === undefined) throw new SourceError(`nobody is logged in: ${this.#remedy()}`, true)
    return { session, refreshToken, others: changed ? stored.access : undefined }
  }

  /** Another process renewed: its token is as good as one of our own, and newer than ours. Not at start: it may be old. */
  #adoptable(others: StoredAccess | undefined): Fetched | undefined {
    if (others === undefined || this.#given === undefined || others.token === this.#given) return undefined
    return others.wanted === this.#wanted() ? { token: others.token, expiresAt: others.expiresAt } : undefined
  }

  #lives({ expiresAt }: Fetched): boolean {
    return expiresAt === undefined || expiresAt - this.#asking.world.clock.now() > LEAST_LIFE
  }

  async #keep(held: Held, answer: TokenAnswer): Promise<Fetched> {
    const refreshToken = answer.kind === 'refused' ? undefined : answer.refreshToken
    if (refreshToken !== undefined && refreshToken !== held.refreshToken) {
      await this.#save(held.session, refreshToken, answer.kind === 'granted' ? answer.fetched : undefined)
    }
    if (answer.kind === 'granted') {
      this.#unclaimed = answer.fetched
      return answer.fetched
    }
    const error = toSourceError(shownUrl(this.#asking.settings.token_url), answer)
    const ended = answer.kind === 'refused' && answer.code === 'invalid_grant'
    throw ended ? new SourceError(`${error.message}; ${this.#remedy()}`, true) : error
  }

  async #save(session: string, refreshToken: string, fetched: Fetched | undefined): Promise<void> {
    try {
      const access = fetched && { ...fetched, wanted: this.#wanted() }
      await this.#store.write(session, { refreshToken, access })
      this.#seen = refreshToken
      this.#unsaved = undefined
    } catch (error) {
      this.#unsaved = { session, refreshToken }
      this.#home.warn(
        `cannot write ${this.#store.path} (${codeOf(error)}): the session of "${this.#home.name}" ends with this process`,
      )
    }
  }

  #wanted(): string {
    return printOf(wanted(this.#asking.settings))
  }

  #remedy(): string {
    const { grant } = this.#asking.settings
    return grant === 'device_code' ? `run mulligan login ${this.#home.name}` : 'a new refresh_token is needed'
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, endpoint: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new SourceError(`${endpoint} did not answer in time`, false))
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error'

const ignore = () => undefined
