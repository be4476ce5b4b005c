import { createHash } from 'node:crypto'
import { RenewalPace } from '../policy/renewal-pace.js'
import { endOf, isDue, isGood, type LifeSettings, type TokenLife, tokenLife } from '../policy/token-life.js'
import type { Cancel, Clock, Random } from '../time/clock.js'
import { type Millis, millis, seconds } from '../time/units.js'
import { ask } from './flight.js'
import { type Fetched, type Source, SourceError } from './source.js'
import type { Refresh, Token, TokenStatus, Unavailable } from './token.js'
import { soon, Waiters } from './waiters.js'

export type TokenSettings = LifeSettings & {
  /** Between renewals forced by a 401, and between a token's arrival and the first one; 5 s unless told (T4). */
  readonly renewal_floor?: Millis
  /** For one call to the source, 15 s unless told (TR-03). */
  readonly deadline?: Millis
}

type Reason = Refresh['reason']

type Flight = {
  readonly reason: Reason
  readonly startedAt: number
  /** Who waited for it, in all. */
  waiters: number
  /** What a 401 refused, when one started it or waits for it. */
  refused: string | undefined
  /** The source let go of it. */
  settled: boolean
}

type Held = { readonly token: Token; readonly print: string; readonly life: TokenLife; readonly cameAt: number }

/** A source that ignores the signal of a call past its deadline is asked again after this time. */
const OBEY = seconds(15)

/**
 * The token of one credential (T1-T4): one call to its source at a time, whoever waits for it. It has no timer but the
 * deadlines of a running call and of those who wait, so a machine that slept finds nothing late: what is due is found
 * at the next use.
 */
export class TokenCache {
  readonly #name: string
  readonly #source: Source
  readonly #settings: TokenSettings
  readonly #clock: Clock
  readonly #random: Random
  readonly #onRefresh: (refresh: Refresh) => void
  readonly #pace: RenewalPace
  readonly #waiters: Waiters
  #held: Held | undefined
  #flight: Flight | undefined
  #endFlight: Cancel | undefined
  /** A call past its deadline that the source has not let go of: no other one starts before `until`. */
  #overdue: { readonly flight: Flight; readonly until: number } | undefined
  #wasAsked = false
  #endWatch: Cancel | undefined
  /** What happened since the last call started. */
  #news: 'changed' | 'login' | undefined
  #error: string | undefined
  #closed = false

  /** @param onRefresh told once for each call to the source that ended */
  constructor(
    name: string,
    source: Source,
    settings: TokenSettings,
    clock: Clock,
    random: Random,
    onRefresh: (refresh: Refresh) => void,
  ) {
    this.#name = name
    this.#source = source
    this.#settings = settings
    this.#clock = clock
    this.#random = random
    this.#onRefresh = onRefresh
    this.#pace = new RenewalPace(settings.renewal_floor)
    this.#waiters = new Waiters(clock)
  }

  /** The token to send now; `undefined` when there is none. Near its end, a renewal starts in the background (TR-02). */
  current(): Token | undefined {
    const held = this.#held
    if (held === undefined) return undefined
    const wall = this.#clock.now()
    const now = this.#clock.monotonic()
    if (!isGood(held.life, wall, now)) return undefined
    if (this.#flight === undefined) {
      if (this.#news !== undefined && now >= held.life.restUntil) this.#tryBegin(this.#news, now)
      else if (isDue(held.life, wall, now)) this.#tryBegin('ahead', now)
    }
    return held.token
  }

  /**
   * Waits for a token, until `dueAt` (monotonic) at the latest. `done` is told once, after this has returned, and never
   * after the cancel. Cancelling ends the wait, not the call to the source (TR-03).
   */
  acquire(dueAt: number, done: (result: Token | Unavailable) => void): Cancel {
    const token = this.current()
    if (token !== undefined) return soon(token, done)
    const now = this.#clock.monotonic()
    if (!this.#flies(now)) return soon(this.#unavailable(now), done)
    return this.#join(dueAt, undefined, done)
  }

  /**
   * An upstream refused `rejected` with a 401: a token with another value, or `undefined` when there is none to be had,
   * and the 401 is the answer (T2-T4, TR-10). As with `acquire`, `done` is told once and not before this has returned.
   */
  renew(rejected: Pick<Token, 'value'>, dueAt: number, done: (token: Token | undefined) => void): Cancel {
    const token = this.current()
    // Late to the storm: it is renewed already.
    if (token !== undefined && token.value !== rejected.value) return soon(token, done)
    const now = this.#clock.monotonic()
    const flies = token === undefined ? this.#flies(now) : this.#fliesForced(rejected.value, now)
    if (!flies) return soon(undefined, done)
    if (this.#flight !== undefined) this.#flight.refused = rejected.value
    return this.#join(dueAt, rejected.value, result => done('value' in result ? result : undefined))
  }

  /** When the token held is over, Unix milliseconds, also where its source did not say; `undefined` when there is none. */
  get endsAt(): number | undefined {
    return this.#held && endOf(this.#held.life, this.#clock.now(), this.#clock.monotonic())
  }

  status(): TokenStatus {
    const held = this.#held
    const now = this.#clock.monotonic()
    return {
      source: this.#source.description,
      state: this.#state(now),
      usable: this.#usable(now) !== undefined,
      generation: held?.token.generation ?? 0,
      print: held?.print,
      expiresAt: held?.token.expiresAt,
      age: held === undefined ? undefined : millis(now - held.cameAt),
      retryAfter: this.#retryAfter(now),
      error: this.#error,
    }
  }

  /** Somebody did something, such as a login: if the last call failed, the source is asked again. */
  retry(): void {
    if (this.#pace.isFailing || this.#flight !== undefined) this.#hear('login')
  }

  /** Ends the running call. Those who wait are told that there is no token; a token at hand may still be used up. */
  close(): void {
    this.#closed = true
    this.#endWatch?.()
    this.#endFlight?.()
    this.#flight = undefined
    this.#waiters.settle(undefined, this.#unavailable(this.#clock.monotonic()))
  }

  /** Another configuration is in force: no call begins any more, and who waits is told how the running one ends (F7). */
  retire(): void {
    if (this.#flight === undefined) return this.close()
    this.#closed = true
    this.#endWatch?.()
  }

  #usable(now: number): Token | undefined {
    const held = this.#held
    return held !== undefined && isGood(held.life, this.#clock.now(), now) ? held.token : undefined
  }

  #state(now: number): TokenStatus['state'] {
    if (this.#pace.needsLogin) return 'needs_login'
    if (this.#flight !== undefined) return 'renewing'
    if (this.#pace.isFailing) return 'cooling'
    return this.#usable(now) === undefined ? 'none' : 'valid'
  }

  #retryAfter(now: number): Millis {
    if (this.#pace.needsLogin) return millis(0)
    return millis(Math.max(this.#pace.remaining(now), (this.#overdue?.until ?? now) - now, 0))
  }

  #unavailable(now: number): Unavailable {
    const reason = this.#closed ? 'this credential was closed' : (this.#error ?? 'there is no token')
    return { permanent: this.#pace.needsLogin, reason, retryAfter: this.#retryAfter(now) }
  }

  #join(dueAt: number, refused: string | undefined, done: (result: Token | Unavailable) => void): Cancel {
    if (this.#flight !== undefined) this.#flight.waiters++
    return this.#waiters.join(dueAt, refused, done)
  }

  /** A call runs, or starts now, because nothing usable is held. */
  #flies(now: number): boolean {
    const reason = this.#news ?? (this.#held === undefined ? 'first' : 'expired')
    return this.#flight !== undefined || this.#tryBegin(reason, now)
  }

  /** A call runs (it is newer than what is held), or starts now for a 401. */
  #fliesForced(refused: string, now: number): boolean {
    if (this.#flight !== undefined) return true
    return this.#pace.mayForce(now, this.#held?.cameAt ?? now) && this.#tryBegin('401', now, refused)
  }

  #tryBegin(reason: Reason, now: number, refused?: string): boolean {
    if (!this.#isFree(now) || !this.#pace.mayAsk(now)) return false
    this.#begin(reason, now, refused)
    return true
  }

  #isFree(now: number): boolean {
    return !this.#closed && now >= (this.#overdue?.until ?? now)
  }

  #begin(reason: Reason, now: number, refused?: string): void {
    const waiters = this.#waiters.count
    const flight: Flight = { reason, startedAt: now, waiters, refused, settled: false }
    this.#flight = flight
    this.#news = undefined
    // Before the first call, so that no change is missed; not earlier, so that an unused credential costs nothing.
    if (!this.#wasAsked) this.#endWatch = this.#source.watch?.(() => this.#hear('changed'))
    this.#wasAsked = true
    const ends = {
      refused: () => flight.refused,
      landed: (answer: Fetched | SourceError) => this.#land(flight, answer),
      settled: () => {
        flight.settled = true
        if (this.#overdue?.flight === flight) this.#overdue = undefined
      },
    }
    this.#endFlight = ask(this.#source, this.#clock, ends, this.#settings.deadline)
  }

  /** News end a failure at once; about a token that came just now they wait for the next use. */
  #hear(news: 'changed' | 'login'): void {
    if (this.#closed) return
    this.#pace.onNews()
    this.#news = news
    const now = this.#clock.monotonic()
    const rested = now >= (this.#held?.life.restUntil ?? now)
    if (this.#wasAsked && this.#flight === undefined && rested) this.#tryBegin(news, now)
  }

  #land(flight: Flight, answer: Fetched | SourceError): void {
    const now = this.#clock.monotonic()
    this.#flight = undefined
    if (!flight.settled) this.#overdue = { flight, until: now + OBEY }
    if (flight.refused !== undefined) this.#pace.noteForced(now)
    const error = answer instanceof SourceError ? answer : this.#keep(answer, now)
    this.#error = error?.message
    if (error === undefined) this.#pace.onSuccess()
    else this.#pace.onFailure(now, error.permanent, error.retryAfter, this.#random)
    this.#onRefresh(this.#record(flight, error, now))
    this.#followNews(flight, error, now)
    this.#waiters.settle(this.#usable(now), this.#flight === undefined ? this.#unavailable(now) : undefined)
  }

  #keep({ token: value, expiresAt }: Fetched, now: number): SourceError | undefined {
    const life = tokenLife(expiresAt, this.#clock.now(), now, this.#settings, this.#random)
    if (life === undefined) return new SourceError('it gave a token that has ended already, by the clock here', false)
    const last = this.#held
    const same = last?.token.value === value ? last : undefined
    const generation = same?.token.generation ?? (last?.token.generation ?? 0) + 1
    const print = same?.print ?? createHash('sha256').update(value).digest('hex').slice(0, 8)
    this.#held = { token: { value, generation, expiresAt }, print, life, cameAt: same?.cameAt ?? now }
    return undefined
  }

  #record(flight: Flight, error: SourceError | undefined, now: number): Refresh {
    const held = this.#held
    const failure = error?.permanent === true ? 'permanent' : 'failed'
    return {
      credential: this.#name,
      reason: flight.reason,
      outcome: error === undefined ? 'ok' : failure,
      generation: held?.token.generation ?? 0,
      print: held?.print,
      expiresAt: held?.token.expiresAt,
      error: error?.message,
      tookMs: now - flight.startedAt,
      waiters: flight.waiters,
    }
  }

  /**
   * The answer may be from before the news: the source is asked once more, and those whom it did not help go on
   * waiting. Once only, or a source whose own work looks like news would spin; then it is the next use that asks.
   */
  #followNews({ reason }: Flight, error: SourceError | undefined, now: number): void {
    if (this.#news === 'login' && error === undefined) this.#news = undefined
    if (this.#news === undefined) return
    this.#pace.onNews()
    if (reason !== 'changed' && reason !== 'login' && this.#isFree(now)) this.#begin(this.#news, now)
  }
}
