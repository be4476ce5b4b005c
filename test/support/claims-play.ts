import type { Opened } from '../../src/idempotency/asked.js'
import type { Claim } from '../../src/idempotency/claim.js'
import { decodeRecord } from '../../src/idempotency/claim-record.js'
import { Claims } from '../../src/idempotency/claims.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { type Change, type Decide, type Store, StoreError } from '../../src/store/store.js'
import { millis } from '../../src/time/units.js'
import { ClaimsModel, type Run, type Setting } from './claims-model.js'
import { answer, asked, short } from './claims-rig.js'
import { ManualClock } from './clock.js'
import { type Op, pick, runOne, seeded } from './random.js'

const STEPS_PER_PLAY = 250
/** How late a deadline may be found: the grain of `Watch`. */
const GRAIN = 10
const KEYS = ['k', 'l', 'm']
const LOOKUPS = new Map(KEYS.map(key => [asked(key).lookup, key]))

type Fault = 'no' | 'before' | 'after' | 'full'

/** One process: its claims, its way to the store, and who it has to answer. */
type Process = {
  readonly name: string
  readonly claims: Claims
  readonly waiting: Set<Waiter>
  fault: Fault
  /** Monotonic: its store failed or hung last. */
  failedAt: number
  isDead: boolean
}

type Waiter = {
  readonly key: string
  readonly payload: string
  readonly since: number
  readonly dueAt: number
  readonly said: Set<string>
}

/** Something that the store has been asked and has not done. */
type Pending = { readonly process: Process; readonly run: (reply: boolean) => void }

class Play {
  readonly counts: Record<string, number>
  readonly #random: () => number
  readonly #clock = new ManualClock()
  readonly #memory = memoryStore(this.#clock)
  readonly #model = new ClaimsModel(this.#clock)
  readonly #settings = new Map<string, Setting>()
  readonly #rules
  readonly #trace: string[] = []
  #processes: Process[] = []
  #open: { readonly process: Process; readonly key: string; readonly run: Run; readonly claim: Claim }[] = []
  #pending: Pending[] = []
  /** Ended, and by nobody. */
  readonly #undone = new Set<Run>()
  #names = 0
  #problem: string | undefined
  #isSlow = false

  constructor(random: () => number, counts: Record<string, number>) {
    this.#random = random
    this.counts = counts
    for (const key of KEYS) this.#settings.set(key, this.#pick(['block', 'block', 'resume', 'allow']))
    const rate = this.#pick([
      { per_second: 60, burst: 300 },
      { per_second: 1, burst: 2 },
    ])
    this.#rules = { ttl: millis(this.#pick([60_000, 600_000])), rate }
    for (let i = 0; i < 3; i++) this.#start()
  }

  async run(steps: number): Promise<void> {
    const ops: readonly Op[] = [
      [40, () => this.#ask()],
      [18, () => this.#end()],
      [4, () => this.#leave()],
      [12, () => this.#clock.advanceAsync(this.#pick([0, 10, 100, 100, 250, 1_000]))],
      [2, () => this.#clock.advanceAsync(this.#pick([3_000, 10_000, 20_000, 40_000]))],
      [1, () => this.#clock.jump(this.#pick([-8_000, -2_000, 1_500, 2_500, 8_000]))],
      [1.5, () => this.#crash()],
      [4, () => this.#letFail()],
      [15, () => this.#pump(true)],
    ]
    for (let step = 0; step < steps; step++) {
      this.#isSlow = this.#random() < 0.2
      await runOne(this.#random, ops)
      await new Promise<void>(resolve => setImmediate(resolve))
      this.#check()
    }
    await this.#endPlay()
  }

  #pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices)
  }

  #note(what: string): void {
    this.#trace.push(`${this.#clock.monotonic()} ${what}`)
    if (this.#trace.length > Number(globalThis.process.env['TRACE'] ?? 40)) this.#trace.shift()
  }

  #complain(problem: string): void {
    this.#problem ??= problem
  }

  #start(): void {
    const process: Process = {
      name: `p${this.#names++}`,
      waiting: new Set(),
      fault: 'no',
      failedAt: Number.NEGATIVE_INFINITY,
      isDead: false,
      claims: undefined as never,
    }
    const claims = new Claims(this.#storeOf(process), this.#clock, process.name)
    this.#processes.push(Object.assign(process, { claims }))
  }

  /** The way of one process to the store that all share: slow at times, failing at times, and seen by the model. */
  #storeOf(process: Process): Store {
    const ask = <T>(act: () => Promise<T>, isRead: boolean): Promise<T> =>
      new Promise((resolve, reject) => {
        const fault = isRead && process.fault !== 'before' ? 'no' : process.fault
        const run = (reply: boolean) => {
          const result = fault === 'before' || fault === 'full' ? undefined : act()
          if (fault !== 'no') process.failedAt = this.#clock.monotonic()
          if (!reply || process.isDead) return
          if (fault === 'no' && result !== undefined) result.then(resolve, reject)
          else reject(new StoreError(fault === 'full' ? 'full' : 'unreachable', fault))
        }
        if (process.isDead) return
        if (this.#isSlow) this.#pending.push({ process, run })
        else run(true)
      })
    const update = <T>(keys: readonly string[], decide: Decide<T>) => {
      const offset = this.#clock.monotonic() - this.#clock.now()
      const key = LOOKUPS.get(keys[0]?.slice(6) ?? '')
      // Also when the store fails, or finds that another one took the claim over.
      if (key !== undefined && keys[1]?.startsWith('answer/')) this.#seeUndoing(process, key, 'release')
      return ask(
        () =>
          this.#memory.update(keys, current => {
            const change = decide(current)
            this.#see(process, keys, change, offset)
            return change
          }),
        false,
      )
    }
    const get = (key: string) => ask(() => this.#memory.get(key), true)
    const { scan, whenWritten } = this.#memory
    return { kind: 'memory', get, update, scan, whenWritten, close: async () => {} }
  }

  /** @param offset of monotonic from wall time when the store was asked */
  #see(process: Process, keys: readonly string[], { puts = [], deletes = [] }: Change<unknown>, offset: number): void {
    this.#model.tick()
    for (const put of puts) if (put.key.startsWith('instance/')) this.#model.beat(put.key.slice(9), put.expiresAt)
    const key = LOOKUPS.get(keys[0]?.slice(6) ?? '')
    if (key === undefined) return
    const put = puts.find(put => put.key === keys[0])
    const record = put === undefined ? undefined : decodeRecord(put.value)
    if (record?.state === 'uncertain') this.#seeUndoing(process, key, 'uncertain')
    if (put === undefined && !deletes.includes(keys[0] ?? '')) return
    const withAnswer = puts.some(put => put.key.startsWith('answer/'))
    const setting = this.#settings.get(key) ?? 'block'
    this.#hearAll()
    this.#note(`${process.name} wrote ${key}: ${record?.state ?? 'nothing'}`)
    const wrong = this.#model.write({ by: process.name, key, setting, offset }, record, withAnswer)
    if (wrong !== undefined) this.#complain(`${key}: ${wrong}`)
    this.#hearAll()
  }

  /** What nobody ended is undone when nobody was told of it, or its lease is over. */
  #seeUndoing(process: Process, key: string, end: 'release' | 'uncertain'): void {
    const run = this.#model.held(process.name, key)
    if (run === undefined || (run.end !== undefined && !this.#undone.has(run))) return
    const isTold = this.#open.some(other => other.run === run)
    // The record has whole milliseconds, rounded up.
    if (isTold && run.leaseUntil - 1 > this.#clock.monotonic()) this.#complain(`${key} was ended while it ran`)
    run.end = end
    this.#undone.add(run)
  }

  /** All who wait may be told what holds now, at any later time. */
  #hearAll(): void {
    for (const process of this.#processes) for (const waiter of process.waiting) this.#hear(process, waiter)
  }

  #hear(process: Process, { key, payload, said }: Waiter): void {
    for (const what of this.#model.says(process.name, key, payload, this.#settings.get(key) ?? 'block')) said.add(what)
  }

  #ask(): void {
    const process = this.#pick(this.#processes)
    const key = this.#pick(KEYS)
    const patience = this.#pick([500, 5_000, 60_000])
    const since = this.#clock.monotonic()
    const one = asked(key, {
      payload: this.#pick(['a', 'a', 'a', 'b']),
      uncertain: this.#settings.get(key) ?? 'block',
      rules: { ...this.#rules, in_flight: this.#pick(['wait', 'wait', 'wait', 'reject']) },
      dueAt: since + patience,
    })
    const said = new Set<string>(one.rules.in_flight === 'reject' ? ['reject'] : [])
    const waiter = { key, payload: one.fingerprint, since, dueAt: since + Math.min(30_000, patience), said }
    process.waiting.add(waiter)
    this.#hear(process, waiter)
    this.#note(`${process.name} asks for ${key}`)
    const cancel = process.claims.open(one, opened => this.#told(process, waiter, opened))
    this.#cancels.set(waiter, cancel)
  }

  readonly #cancels = new Map<Waiter, () => void>()

  #told(process: Process, waiter: Waiter, opened: Opened): void {
    if (process.isDead) return
    const what = short(opened)
    this.#note(`${process.name} was told of ${waiter.key}: ${what}`)
    this.counts[opened.kind === 'claimed' ? what : opened.kind] =
      (this.counts[opened.kind === 'claimed' ? what : opened.kind] ?? 0) + 1
    if (!process.waiting.delete(waiter)) return this.#complain('told twice, or after it left')
    this.#cancels.delete(waiter)
    this.#hear(process, waiter)
    if (!this.#mayBeTold(process, waiter, opened, what)) this.#complain(`told ${what} instead of ${[...waiter.said]}`)
    if (opened.kind !== 'claimed') return
    const run = this.#model.held(process.name, waiter.key)
    if (run === undefined || run.end !== undefined) return this.#complain('claimed without a claim')
    if (this.#open.some(other => other.run === run)) return this.#complain('one claim for two')
    this.#open.push({ process, key: waiter.key, run, claim: opened.claim })
  }

  #mayBeTold(process: Process, { said, dueAt }: Waiter, { kind }: Opened, what: string): boolean {
    // Its patience may end before anybody has noticed that the owner is dead, or late: to come back is never wrong.
    if (kind === 'in-flight') return said.has('wait') || dueAt <= this.#clock.monotonic()
    if (kind === 'insert-rate') return this.#rules.rate.burst < 100 && said.has('claimed')
    if (kind === 'store-failed') return process.failedAt >= this.#clock.monotonic() - 2_000 || this.#hasPending(process)
    return said.has(what)
  }

  #hasPending = (process: Process): boolean => this.#pending.some(pending => pending.process === process)

  #end(): void {
    const [held] = this.#open.splice(Math.floor(this.#random() * this.#open.length), 1)
    if (held === undefined) return
    const { process, key, run, claim } = held
    const text = `${this.#clock.monotonic()}-${Math.floor(this.#random() * 1_000)}`
    const how = this.#pick(['answer', 'answer', 'large', 'release', 'release', 'share', 'share', 'share', 'uncertain'])
    this.#note(`${process.name} ends ${key}: ${how}`)
    // A lease that is over ended it before.
    if (run.end === undefined) {
      run.end = how === 'uncertain' ? 'uncertain' : how === 'answer' || how === 'large' ? 'complete' : 'release'
      run.answer = how === 'answer' ? text : undefined
    }
    this.#hearAll()
    if (how === 'share')
      for (const waiter of process.waiting)
        if (waiter.key === key && waiter.payload === run.record.fingerprint) waiter.said.add(`shared ${text}`)
    if (how === 'answer' || how === 'large') claim.complete(200, how === 'answer' ? answer(text) : undefined)
    else if (how === 'uncertain') claim.uncertain()
    else claim.release(how === 'share' ? answer(text) : undefined)
  }

  #leave(): void {
    const process = this.#pick(this.#processes)
    const [waiter] = process.waiting
    if (waiter === undefined) return
    process.waiting.delete(waiter)
    this.#note(`${process.name}: one leaves ${waiter.key}`)
    this.#cancels.get(waiter)?.()
    this.#cancels.delete(waiter)
  }

  /** kill -9: what the store was asked may be done or not, and nobody hears of it. */
  #crash(): void {
    const process = this.#pick(this.#processes)
    this.#note(`${process.name} crashes`)
    const mine = this.#pending.filter(pending => pending.process === process)
    this.#pending = this.#pending.filter(pending => pending.process !== process)
    for (const { run } of mine) if (this.#random() < 0.5) run(false)
    process.isDead = true
    this.#model.crash(process.name)
    this.#open = this.#open.filter(held => held.process !== process)
    this.#processes = this.#processes.filter(other => other !== process)
    void process.claims.close()
    this.#hearAll()
    this.#start()
  }

  #letFail(): void {
    const process = this.#pick(this.#processes)
    process.fault = this.#pick<Fault>(['no', 'no', 'no', 'no', 'no', 'no', 'before', 'after', 'full'])
  }

  #pump(reply: boolean): void {
    const [pending] = this.#pending.splice(Math.floor(this.#random() * this.#pending.length), 1)
    pending?.run(reply)
  }

  #check(): void {
    this.#model.tick()
    this.#hearAll()
    const now = this.#clock.monotonic()
    for (const process of this.#processes)
      for (const waiter of process.waiting) {
        const isLate = now > waiter.dueAt + 2 * GRAIN && !this.#hasPending(process)
        if (isLate) this.#complain(`${process.name} forgot one who waits for ${waiter.key} since ${waiter.since}`)
      }
    if (this.#problem !== undefined) throw new Error(`${this.#problem}, after\n${this.#trace.join('\n')}`)
  }

  /** The store works again: everybody is told, and no timer stays once every claim has ended. */
  async #endPlay(): Promise<void> {
    this.#isSlow = false
    for (const process of this.#processes) process.fault = 'no'
    while (this.#pending.length > 0 || this.#open.length > 0) {
      this.#pump(true)
      this.#end()
      await this.#clock.advanceAsync(100)
      this.#check()
    }
    for (let left = 8; left > 0; left--) {
      await this.#clock.advanceAsync(10_000)
      while (this.#open.length > 0) this.#end()
      await this.#clock.advanceAsync(0)
      this.#check()
    }
    const lost = this.#processes.reduce((sum, { waiting }) => sum + waiting.size, 0)
    if (lost > 0) throw new Error(`${lost} were never told, after\n${this.#trace.join('\n')}`)
    if (this.#clock.pending > 0) throw new Error(`${this.#clock.pending} timers stayed`)
  }
}

/** Plays until `steps` are done. @throws what diverged from the model, with what led to it */
export async function playClaims(seed: number, steps: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const random = seeded(seed)
  for (let done = 0; done < steps; done += STEPS_PER_PLAY) await new Play(random, counts).run(STEPS_PER_PLAY)
  return counts
}
