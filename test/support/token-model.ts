import { type Fetched, SourceError } from '../../src/credential/source.js'
import type { Refresh, Token } from '../../src/credential/token.js'
import type { ManualClock } from './clock.js'

/** `may`: it depends on the dice of the cache. */
export type Call = 'must' | 'may' | 'never'

type Held = {
  readonly value: string
  readonly generation: number
  readonly goodUntil: number
  readonly spentAt: number
  readonly renewEarliest: number
  readonly renewLatest: number
  readonly restUntil: number
  readonly offset: number
  readonly tolerance: number
  readonly cameAt: number
}

const both = (a: Call, b: Call): Call => {
  if (a === 'never' || b === 'never') return 'never'
  return a === 'may' || b === 'may' ? 'may' : 'must'
}

const when = (condition: boolean): Call => (condition ? 'must' : 'never')

/** Once `earliest` has passed it may, from `latest` on it must. */
const between = (now: number, earliest: number, latest: number): Call => {
  if (now >= latest) return 'must'
  return now < earliest ? 'never' : 'may'
}

/**
 * What a token cache may do, told from its rules (T1-T4, TR-01..10) and from what its source answered. Where the cache
 * throws dice, the model knows the bounds.
 */
export class TokenModel {
  readonly #clock: ManualClock
  readonly #settings: { readonly ttl: number; readonly refresh_ahead: number }
  held: Held | undefined
  flight: { readonly startedAt: number; forced: boolean } | undefined
  /** A call past its deadline, which the source has not let go of. */
  overdueUntil: number | undefined
  news: 'changed' | 'login' | undefined
  permanent = false
  failures = 0
  #generation = 0
  #coolMin = 0
  #coolMax = 0
  #failedAt = 0
  #forcedAt = Number.NEGATIVE_INFINITY

  constructor(clock: ManualClock, settings: { readonly ttl: number; readonly refresh_ahead: number }) {
    this.#clock = clock
    this.#settings = settings
  }

  /** The token that may be sent now. */
  get good(): Held | undefined {
    const { held } = this
    const isGood = held !== undefined && this.#clock.now() < held.goodUntil && this.#clock.monotonic() < held.spentAt
    return isGood ? held : undefined
  }

  /** Whether a use starts a call. */
  onUse(): Call {
    const { good } = this
    const now = this.#clock.monotonic()
    if (good === undefined) return 'never'
    const rested = when(now >= good.restUntil)
    if (this.news !== undefined && rested === 'must') return this.#asking()
    const drifted = when(Math.abs(this.#clock.now() - now - good.offset) > good.tolerance)
    if (both(rested, drifted) === 'must') return this.#asking()
    return both(between(now, good.renewEarliest, good.renewLatest), this.#asking())
  }

  /** Whether a wait for a token starts a call. */
  onAcquire(): Call {
    return this.good === undefined ? this.#asking() : this.onUse()
  }

  /** Whether a 401 for `rejected` starts a call. */
  onRenew(rejected: Token): Call {
    const { good } = this
    if (good === undefined) return this.#asking()
    const byUse = this.onUse()
    if (good.value !== rejected.value || byUse === 'must') return byUse
    const now = this.#clock.monotonic()
    const allowed = when(now >= this.#forcedAt + 5_000 && now >= good.cameAt + 5_000)
    const forced = both(allowed, this.#asking())
    return byUse === 'never' ? forced : forced === 'must' ? 'must' : 'may'
  }

  /** Whether news start a call at once. */
  onNews(news: 'changed' | 'login'): Call {
    if (news === 'login' && this.failures === 0 && this.flight === undefined) return 'never'
    this.news = news
    this.#forget()
    return both(when(this.#clock.monotonic() >= (this.held?.restUntil ?? 0)), this.#asking())
  }

  begin(forced: boolean): void {
    this.flight = { startedAt: this.#clock.monotonic(), forced }
    this.news = undefined
  }

  /** A call ended. @returns whether the cache has to make another one at once */
  land(answer: Fetched | Error, letGo: boolean, refresh: Refresh): boolean {
    const now = this.#clock.monotonic()
    if (this.flight?.forced === true) this.#forcedAt = now
    this.flight = undefined
    if (!letGo) this.overdueUntil = now + 15_000
    const failed = answer instanceof Error || !this.#keep(answer)
    if (failed) this.#fail(answer)
    else this.#succeed()
    this.#check(refresh, failed)
    if (this.news === 'login' && !failed) this.news = undefined
    if (this.news === undefined) return false
    this.#forget()
    return refresh.reason !== 'changed' && refresh.reason !== 'login' && this.#isFree()
  }

  #check(refresh: Refresh, failed: boolean): void {
    const outcome = failed ? (this.permanent ? 'permanent' : 'failed') : 'ok'
    if (refresh.outcome !== outcome) throw new Error(`recorded ${refresh.outcome}, it was ${outcome}`)
    if (refresh.generation !== this.#generation) throw new Error('recorded another generation')
  }

  #isFree(): boolean {
    return this.overdueUntil === undefined || this.#clock.monotonic() >= this.overdueUntil
  }

  #asking(): Call {
    if (this.flight !== undefined || this.permanent || !this.#isFree()) return 'never'
    return between(this.#clock.monotonic(), this.#coolMin, this.#coolMax)
  }

  #forget(): void {
    this.failures = 0
    this.permanent = false
    this.#coolMin = Math.min(this.#coolMin, this.#failedAt + 1_000)
    this.#coolMax = Math.min(this.#coolMax, this.#failedAt + 1_000)
  }

  #succeed(): void {
    this.failures = 0
    this.permanent = false
    this.#coolMin = 0
    this.#coolMax = 0
  }

  #fail(answer: Fetched | Error): void {
    const error = answer instanceof SourceError ? answer : new SourceError('', false)
    const hint = Math.min(error.retryAfter ?? 0, 300_000)
    const now = this.#clock.monotonic()
    this.#failedAt = now
    this.#coolMin = now + (hint > 0 ? hint : 10)
    this.#coolMax =
      now + (hint > 0 ? hint + Math.min(hint * 0.2, 30_000) : Math.min(60_000, 1_000 * 2 ** this.failures))
    this.failures++
    this.permanent = error.permanent
  }

  /** @returns false for a token that has ended already */
  #keep({ token, expiresAt }: Fetched): boolean {
    const wall = this.#clock.now()
    const now = this.#clock.monotonic()
    const left = expiresAt === undefined || !Number.isFinite(expiresAt) ? this.#settings.ttl : expiresAt - wall
    if (left <= 0) return false
    const ahead = Math.min(this.#settings.refresh_ahead, left / 2)
    const skew = Math.min(30_000, left * 0.1, ahead > 0 ? ahead / 2 : Number.POSITIVE_INFINITY)
    const same = this.held?.value === token
    if (!same) this.#generation++
    const renewal = (lead: number) => (ahead > 0 ? now + Math.max(1_000, left - lead) : Number.POSITIVE_INFINITY)
    this.held = {
      value: token,
      generation: this.#generation,
      goodUntil: wall + left - skew,
      spentAt: now + left - skew,
      renewEarliest: renewal(ahead + left * 0.05) - 1,
      renewLatest: renewal(ahead - Math.min(left * 0.05, (ahead - skew) / 2)) + 1,
      restUntil: now + 1_000,
      offset: wall - now,
      tolerance: Math.max(1_000, skew),
      cameAt: same ? (this.held?.cameAt ?? now) : now,
    }
    return true
  }
}
