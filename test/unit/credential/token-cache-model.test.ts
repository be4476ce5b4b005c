import t from 'tap'
import { type Fetched, SourceError } from '../../../src/credential/source.js'
import type { Refresh, Token, Unavailable } from '../../../src/credential/token.js'
import { TokenCache } from '../../../src/credential/token-cache.js'
import { type Millis, millis } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'
import { type Op, pick, runOne, seeded } from '../../support/random.js'
import { type Call, TokenModel } from '../../support/token-model.js'
import { TokenSource } from '../../support/token-source.js'

const STEPS = 200_000
const STEPS_PER_CACHE = 400
/** How much late a deadline may be found: the grain of `Watch`. */
const GRAIN = 10

type Waiter = {
  readonly rejected: Token | undefined
  readonly since: number
  readonly dueAt: number
  cancel: () => void
  over: 'no' | 'answered' | 'left'
  /** A reload closed what it waits for. */
  closed: boolean
}

/** What requests still hold that began before a reload. */
type Before = {
  readonly cache: TokenCache
  readonly source: TokenSource
  readonly model: TokenModel
  readonly given: readonly Token[]
}

/** One cache, its source and its model, moved by random steps until it is closed. */
class Play {
  readonly counts: Record<string, number> = {}
  readonly #random: () => number
  readonly #clock = new ManualClock()
  #source: TokenSource
  readonly #settings: { readonly ttl: Millis; readonly refresh_ahead: Millis }
  #model: TokenModel
  #cache: TokenCache
  #given: Token[] = []
  #before: Before | undefined
  #waiters: Waiter[] = []
  #answer: Fetched | Error | undefined
  #tokens = 0
  /** Whether a call may start now, and what the model has to know of it. */
  #allowed: Call = 'never'
  #force = false
  #begun = 0
  readonly #startedAt = new Map<number, number>()
  #overdueCall = 0
  #problem: string | undefined
  readonly #trace: string[] = []

  constructor(random: () => number) {
    this.#random = random
    this.#settings = {
      ttl: millis(this.#pick([1_000, 60_000, 300_000])),
      refresh_ahead: millis(this.#pick([0, 5_000, 60_000, 3_600_000])),
    }
    this.#source = new TokenSource()
    this.#model = new TokenModel(this.#clock, this.#settings)
    this.#cache = this.#open()
  }

  /** A cache for the source and the model at hand. */
  #open(): TokenCache {
    const cache: TokenCache = new TokenCache(
      'api',
      this.#source,
      this.#settings,
      this.#clock,
      this.#random,
      refresh => {
        if (cache === this.#cache) this.#onRefresh(refresh)
        else this.#complain('a closed cache told of a call')
      },
    )
    this.#source.onCall = () => this.#onCall()
    return cache
  }

  async run(steps: number): Promise<void> {
    const ops: readonly Op[] = [
      [20, () => this.#use()],
      [15, () => this.#acquire()],
      [20, () => this.#renew()],
      [20, () => this.#letAnswer()],
      [25, () => this.#clock.advanceAsync(this.#pick([0, 1, 100, 900, 1_000, 5_000, 5_000, 15_000, 60_000, 600_000]))],
      [2, () => this.#clock.jump(this.#pick([-7_200_000, -40_000, -2_000, 500, 2_000, 40_000, 7_200_000]))],
      [3, () => this.#tell('changed')],
      [3, () => this.#tell('login')],
      [4, () => this.#leave()],
      [1, () => this.#reload()],
      [3, () => this.#useClosed()],
    ]
    for (let step = 0; step < steps; step++) {
      this.#source.deaf = this.#random() < 0.1
      await runOne(this.#random, ops)
      await this.#check()
    }
    await this.#close()
  }

  #pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices)
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  /** Runs what may start a call, and compares that with what the model says. */
  #expect(name: string, call: Call, force: boolean, run: () => void): void {
    this.#trace.push(`${this.#clock.monotonic()} ${name}: ${call}`)
    this.#allowed = call
    this.#force = force
    this.#begun = 0
    run()
    if (call === 'must' && this.#begun !== 1) throw new Error('a call had to start')
    this.#allowed = 'never'
  }

  /** For callbacks: what they throw would not come here. */
  #complain(problem: string): void {
    this.#problem ??= `${problem}, after ${this.#trace.slice(-8).join(', ')}`
  }

  #onCall(): void {
    if (this.#allowed === 'never') this.#complain('a call started that must not')
    const now = this.#clock.monotonic()
    const others = [...this.#startedAt.keys()].filter(call => this.#source.open.includes(call))
    if (others.some(call => (this.#startedAt.get(call) ?? 0) > now - 30_000)) this.#complain('two calls at once')
    this.#startedAt.set(this.#source.calls, now)
    this.#allowed = 'never'
    this.#begun++
    if (this.#model.flight !== undefined) return this.#complain('a call started beside another one')
    this.#model.begin(this.#force)
  }

  #onRefresh(refresh: Refresh): void {
    this.#count(`${refresh.reason} ${refresh.outcome}`)
    this.#trace.push(`${this.#clock.monotonic()} landed: ${refresh.reason} ${refresh.outcome}`)
    const { flight } = this.#model
    if (flight === undefined) return this.#complain('a call ended that had not started')
    const late = this.#clock.monotonic() >= flight.startedAt + 15_000
    if (this.#answer === undefined && !late) this.#complain('a call ended by itself')
    const letGo = this.#answer !== undefined
    if (!letGo) this.#overdueCall = this.#source.calls
    const follow = this.#model.land(this.#answer ?? new SourceError('late', false), letGo, refresh)
    this.#answer = undefined
    this.#allowed = follow ? 'must' : 'never'
    this.#force = false
  }

  #use(): void {
    const { good } = this.#model
    let token: Token | undefined
    this.#expect('use', this.#model.onUse(), false, () => {
      token = this.#cache.current()
    })
    if (token?.value !== good?.value || token?.generation !== good?.generation) throw new Error('not the token to send')
    if (token !== undefined) this.#remember(token)
  }

  #acquire(): void {
    const waiter = this.#waiter(undefined)
    this.#expect('acquire', this.#model.onAcquire(), false, () => {
      waiter.cancel = this.#cache.acquire(waiter.dueAt, result => this.#onAnswer(waiter, result))
    })
  }

  #renew(): void {
    const rejected = this.#pick(this.#given)
    if (rejected === undefined) return
    const waiter = this.#waiter(rejected)
    const { good } = this.#model
    const late = good !== undefined && good.value !== rejected.value
    this.#expect('401', this.#model.onRenew(rejected), !late, () => {
      waiter.cancel = this.#cache.renew(rejected, waiter.dueAt, token => this.#onAnswer(waiter, token))
    })
    if (!late && this.#model.flight !== undefined) this.#model.flight.forced = true
  }

  #waiter(rejected: Token | undefined): Waiter {
    const since = this.#clock.monotonic()
    const dueAt = since + this.#pick([-5, 0, 500, 10_000, 60_000])
    const waiter: Waiter = { rejected, since, dueAt, cancel: () => undefined, over: 'no', closed: false }
    this.#waiters.push(waiter)
    return waiter
  }

  #onAnswer(waiter: Waiter, result: Token | Unavailable | undefined): void {
    const now = this.#clock.monotonic()
    if (waiter.over !== 'no') this.#complain(`told although it had ${waiter.over}`)
    waiter.over = 'answered'
    if (now > Math.max(waiter.since, waiter.dueAt) + GRAIN) this.#complain('told after its deadline')
    if (result !== undefined && 'value' in result) this.#onToken(waiter, result)
    else if (now < waiter.dueAt && this.#model.flight !== undefined && !waiter.closed)
      this.#complain('sent away while a call was under way')
    else if (result !== undefined && now < waiter.dueAt && !waiter.closed && result.permanent !== this.#model.permanent)
      this.#complain('permanent or not?')
    this.#count(result === undefined || 'permanent' in result ? 'told: none' : 'told: a token')
  }

  #onToken(waiter: Waiter, token: Token): void {
    if (token.value !== this.#model.good?.value) this.#complain('told a token that is not to be sent')
    if (token.value === waiter.rejected?.value) this.#complain('told the token that was refused')
    this.#remember(token)
  }

  #remember(token: Token): void {
    this.#given.push(token)
    if (this.#given.length > 5) this.#given.shift()
  }

  /** Something that the source may say to its oldest call, which may be one past its deadline. */
  #letAnswer(): void {
    if (this.#source.flying === 0) return
    const answer = this.#someAnswer()
    if (this.#model.flight !== undefined && this.#source.open[0] === this.#source.calls) this.#answer = answer
    this.#source.answer(answer)
  }

  #someAnswer(): Fetched | Error {
    const roll = this.#random()
    if (roll < 0.15) return new SourceError('down', false)
    if (roll < 0.2) return new SourceError('slow down', false, millis(this.#pick([0, 2_000, 30_000, 86_400_000])))
    if (roll < 0.25) return new SourceError('invalid_grant', true)
    if (roll < 0.3) return new TypeError('a bug')
    const span = this.#pick([undefined, Number.NaN, -1_000, 0, 500, 1_000, 30_000, 300_000, 3_600_000, 86_400_000])
    const token = roll < 0.45 && this.#model.held !== undefined ? this.#model.held.value : `token-${++this.#tokens}`
    return { token, expiresAt: span === undefined ? undefined : this.#clock.now() + span }
  }

  #tell(news: 'changed' | 'login'): void {
    if (news === 'changed' && this.#source.watchers === 0) return
    this.#expect(news, this.#model.onNews(news), false, () =>
      news === 'changed' ? this.#source.change() : this.#cache.retry(),
    )
  }

  #leave(): void {
    const waiter = this.#pick(this.#waiters)
    if (waiter === undefined || waiter.over !== 'no') return
    waiter.over = 'left'
    waiter.cancel()
  }

  async #check(): Promise<void> {
    await new Promise(setImmediate)
    if (this.#problem !== undefined) throw new Error(this.#problem)
    if (this.#answer !== undefined) throw new Error('an answer was not heard')
    if (!this.#source.open.includes(this.#overdueCall)) this.#model.overdueUntil = undefined
    if (this.#allowed === 'must') throw new Error('the news were not followed')
    const now = this.#clock.monotonic()
    this.#waiters = this.#waiters.filter(({ over }) => over === 'no')
    if (this.#waiters.some(({ since, dueAt }) => now > Math.max(since, dueAt) + GRAIN)) throw new Error('a lost waiter')
    if (this.#waiters.length > 0 && this.#model.flight === undefined) throw new Error('a waiter without a call')
    const timers = (this.#model.flight === undefined ? 0 : 1) + (this.#waiters.length > 0 ? 1 : 0)
    if (this.#clock.pending !== timers) throw new Error(`${this.#clock.pending} timers for ${timers} reasons`)
  }

  /** Another configuration makes another source: whoever waits is told, and what comes next is asked of the new one. */
  async #reload(): Promise<void> {
    const before = { cache: this.#cache, source: this.#source, model: this.#model, given: this.#given }
    await this.#close()
    this.#before = before
    this.#source = new TokenSource()
    this.#model = new TokenModel(this.#clock, this.#settings)
    this.#cache = this.#open()
    this.#given = []
    this.#waiters = []
    this.#startedAt.clear()
    this.#overdueCall = 0
    this.#count('reloads')
  }

  /** What a request that began before a reload may still do: use up the token, and start nothing. */
  async #useClosed(): Promise<void> {
    if (this.#before === undefined) return
    const { cache, source, model, given } = this.#before
    const { calls } = source
    const now = this.#clock.monotonic()
    const token = model.good?.value
    if (cache.current()?.value !== token) throw new Error('not the token that was at hand')
    const rejected = this.#pick(given)
    const results: (string | undefined)[] = []
    const tell = (result: Token | Unavailable | undefined) =>
      void results.push(result !== undefined && 'value' in result ? result.value : undefined)
    cache.acquire(now + 1_000, tell)
    if (rejected !== undefined) cache.renew(rejected, now + 1_000, tell)
    cache.retry()
    source.change()
    // A call that went on in spite of its signal.
    if (source.flying > 0) source.answer(this.#someAnswer())
    await new Promise(setImmediate)
    const other = token === rejected?.value ? undefined : token
    const expected = rejected === undefined ? [token] : [token, other]
    if (results.length !== expected.length || results.some((value, i) => value !== expected[i]))
      throw new Error(`a closed cache told ${String(results)}, not ${String(expected)}`)
    if (source.calls !== calls) throw new Error('a closed cache asked its source')
    this.#count('uses of a closed cache')
  }

  async #close(): Promise<void> {
    for (const waiter of this.#waiters) waiter.closed = true
    this.#cache.close()
    await new Promise(setImmediate)
    if (this.#waiters.some(({ over }) => over === 'no')) throw new Error('a waiter was left behind')
    if (this.#clock.pending > 0 || this.#source.watchers > 0) throw new Error('something was left after close')
    this.#cache.current()
    this.#cache.retry()
    if (this.#source.calls > 0 && this.#clock.pending > 0) throw new Error('a closed cache acted')
  }
}

t.test('T1-T4: no interleaving of uses, 401s, answers, clocks, news and reloads leaves the model', async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const totals: Record<string, number> = {}
  const before = process.cpuUsage()
  for (let n = 0; n < STEPS / STEPS_PER_CACHE; n++) {
    const play = new Play(seeded(seed + n))
    await play.run(STEPS_PER_CACHE).catch((error: unknown) => {
      throw new Error(`with SEED=${seed + n}: ${String(error)}`, { cause: error })
    })
    for (const [what, count] of Object.entries(play.counts)) totals[what] = (totals[what] ?? 0) + count
  }
  // Of this process: others on the machine are no matter.
  const { user, system } = process.cpuUsage(before)
  const tookMs = Math.round((user + system) / 1_000)
  t.comment(`${STEPS} steps in ${tookMs} ms of CPU time: ${JSON.stringify(totals)}`)
  const reasons = ['first', 'ahead', 'expired', '401', 'changed', 'login']
  for (const reason of reasons) t.ok((totals[`${reason} ok`] ?? 0) > 50, `it has seen renewals: ${reason}`)
  for (const what of ['reloads', 'uses of a closed cache']) t.ok((totals[what] ?? 0) > 50, `it has seen ${what}`)
  t.ok(tookMs < 20_000, 'in time')
})
