import t from 'tap'
import { Ledger } from '../../../src/ledger/ledger.js'
import type { Outcome, Purchase } from '../../../src/ledger/purchase.js'
import { BOOK, BUSY, decodePurchase } from '../../../src/ledger/purchase-record.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { type Change, type Decide, type Store, StoreError } from '../../../src/store/store.js'
import { ManualClock } from '../../support/clock.js'
import { LedgerModel } from '../../support/ledger-model.js'
import { ask, limits, signedFor } from '../../support/ledger-rig.js'
import { type Op, pick, runOne, seeded } from '../../support/random.js'

const STEPS = Number(process.env['STEPS'] ?? 80_000)
const STEPS_PER_PLAY = 800
const KEYS = ['a', 'b', 'c', 'd', 'e']
const OUTCOMES: readonly Outcome[] = [
  'settled',
  'delivered_unconfirmed',
  'refused_live',
  'unknown',
  'unknown',
  'settled_undelivered',
]

type Fault = 'no' | 'before' | 'after' | 'full'

type Process = { readonly name: string; readonly ledger: Ledger; fault: Fault; isDead: boolean }

/** A purchase of a living process, at the stage it has reached. */
type Going = { readonly process: Process; readonly purchase: Purchase }

class Play {
  readonly #counts: Record<string, number>
  readonly #random: () => number
  readonly #clock = new ManualClock()
  readonly #memory = memoryStore(this.#clock)
  readonly #limits
  readonly #model
  readonly #trace: string[] = []
  #processes: Process[] = []
  #pending: { readonly process: Process; readonly run: (reply: boolean) => void }[] = []
  #reserved: Going[] = []
  #presented: Going[] = []
  #names = 0
  #isSlow = false
  #problem: string | undefined

  constructor(random: () => number, counts: Record<string, number>) {
    this.#random = random
    this.#counts = counts
    this.#limits = limits({
      per_minute: this.#pick([undefined, 4, 9]),
      per_hour: this.#pick([{}, { USDC: 40n }]),
      per_day: this.#pick([{}, { USDC: 90n }]),
      total: this.#pick([{}, { USDC: 200n }]),
    })
    this.#model = new LedgerModel(this.#clock, this.#limits)
    for (let i = 0; i < 3; i++) this.#start()
  }

  async run(steps: number): Promise<void> {
    const ops: readonly Op[] = [
      [30, () => this.#buy()],
      [20, () => this.#sign()],
      [20, () => this.#end()],
      [15, () => this.#pump()],
      [12, () => this.#clock.advanceAsync(this.#pick([0, 100, 1_000, 1_000, 5_000, 20_000]))],
      [1, () => this.#clock.advanceAsync(this.#pick([20_000, 50_000, 120_000]))],
      // The machine slept, until just before the hour.
      [1, () => this.#clock.jump(3_600_000 - (this.#clock.now() % 3_600_000) - this.#pick([1, 1_000]))],
      [1, () => this.#clock.jump(this.#pick([-3_600_000, -70_000, -5_000, 5_000, 70_000, 3_600_000, 86_400_000]))],
      [1.5, () => this.#crash()],
      [4, () => this.#letFail()],
    ]
    for (let step = 0; step < steps; step++) {
      this.#isSlow = this.#random() < 0.25
      await runOne(this.#random, ops)
      await new Promise<void>(resolve => setImmediate(resolve))
      this.#model.tick()
      this.#check()
    }
    await this.#endPlay()
  }

  #pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices)
  }

  #draw(from: Going[]): Going | undefined {
    return from.splice(Math.floor(this.#random() * from.length), 1)[0]
  }

  #note(what: string): void {
    this.#trace.push(`${this.#clock.now()} ${what}`)
    if (this.#trace.length > 60) this.#trace.shift()
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }

  #start(): void {
    const process: Process = { name: `p${this.#names++}`, fault: 'no', isDead: false, ledger: undefined as never }
    const ledger = new Ledger(this.#storeOf(process), this.#clock, process.name)
    this.#processes.push(Object.assign(process, { ledger }))
  }

  /** The way of one process to the store that all share: slow at times, failing at times, and seen by the model. */
  #storeOf(process: Process): Store {
    const reach = <T>(act: () => Promise<T>, isRead: boolean): Promise<T> =>
      new Promise((resolve, reject) => {
        const fault = isRead && process.fault !== 'before' ? 'no' : process.fault
        const run = (reply: boolean) => {
          const result = fault === 'before' || fault === 'full' ? undefined : act()
          if (!reply || process.isDead) return
          if (fault === 'no' && result !== undefined) result.then(resolve, reject)
          else reject(new StoreError(fault === 'full' ? 'full' : 'unreachable', fault))
        }
        if (process.isDead) return
        if (this.#isSlow) this.#pending.push({ process, run })
        else run(true)
      })
    const update = <T>(keys: readonly string[], decide: Decide<T>) =>
      reach(
        () =>
          this.#memory.update(keys, current => {
            const change = decide(current)
            this.#see(process, keys, current, change)
            return change
          }),
        false,
      )
    const get = (key: string) => reach(() => this.#memory.get(key), true)
    const { scan, whenWritten } = this.#memory
    return { kind: 'memory', get, update, scan, whenWritten, close: async () => {} }
  }

  #see(
    { name }: Process,
    keys: readonly string[],
    current: readonly (Buffer | undefined)[],
    { puts = [], deletes = [] }: Change<unknown>,
  ): void {
    this.#model.tick()
    const isMoved = puts.some(({ key }) => key.startsWith(BOOK))
    for (const key of deletes)
      if (key.startsWith(BUSY) && !isMoved && current[keys.indexOf(key)] !== undefined) {
        this.#note(`${name} undoes ${key}`)
        this.#complain(this.#model.undone(key.slice(BUSY.length), name))
      }
    for (const { key, value, expiresAt } of puts) {
      if (key.startsWith('instance/')) this.#model.beat(key.slice(9), expiresAt)
      const record = key.startsWith(BUSY) || key.startsWith(BOOK) ? decodePurchase(value) : undefined
      if (record === undefined) continue
      this.#note(`${name} writes ${key} ${record.state} ${record.purchaseKey} of ${record.owner} ${record.instance}`)
      this.#count(record.state)
      this.#complain(key.startsWith(BUSY) ? this.#model.busy(record) : this.#model.booked(record, name))
    }
    for (const { key, value } of puts) if (key.startsWith('spend/')) this.#complain(this.#model.spent(value))
  }

  #complain(problem: string | undefined): void {
    this.#problem ??= problem
  }

  #buy(): void {
    const process = this.#pick(this.#processes)
    void this.#buyAt(process, this.#pick(KEYS)).catch((error: unknown) => {
      if (!(error instanceof StoreError)) this.#complain(String(error))
      this.#count('store failed')
    })
  }

  async #buyAt(process: Process, key: string): Promise<void> {
    const claimed = await process.ledger.claimUnknown(key)
    if (process.isDead) return
    if (claimed !== undefined) {
      const isSame = claimed.payment?.field.value === `bytes-of-${claimed.id}`
      if (!isSame) this.#complain('other bytes')
      this.#presented.push({ process, purchase: claimed })
      return this.#count('presented again')
    }
    const amount = BigInt(1 + Math.floor(this.#random() * 9))
    const result = await process.ledger.reserve(ask(key, { amount, keyed: key === 'a', limits: this.#limits }))
    if (process.isDead) return
    if ('refused' in result) return this.#count(result.refused)
    this.#reserved.push({ process, purchase: result.purchase })
  }

  #sign(): void {
    const going = this.#draw(this.#reserved)
    if (going === undefined) return
    const { process, purchase } = going
    if (this.#random() < 0.15) return void process.ledger.release(purchase)
    process.ledger.signed(purchase, signedFor(purchase, this.#clock.now())).then(
      () => {
        if (!process.isDead) this.#presented.push(going)
      },
      () => process.ledger.release(purchase),
    )
  }

  #end(): void {
    const going = this.#draw(this.#presented)
    if (going === undefined) return
    const { process, purchase } = going
    if (this.#random() < 0.1) return void process.ledger.release(purchase)
    const to = this.#pick(OUTCOMES)
    this.#note(`${process.name} settles ${purchase.id} ${to}`)
    void process.ledger.settle(purchase, to, { attempts: 1 })
    // Whoever is told twice hears the first.
    if (this.#random() < 0.1) void process.ledger.settle(purchase, 'unknown', { attempts: 1 })
  }

  #pump(): void {
    this.#pending.splice(Math.floor(this.#random() * this.#pending.length), 1)[0]?.run(true)
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
    this.#reserved = this.#reserved.filter(going => going.process !== process)
    this.#presented = this.#presented.filter(going => going.process !== process)
    this.#processes = this.#processes.filter(other => other !== process)
    void process.ledger.close()
    this.#start()
  }

  #letFail(): void {
    this.#pick(this.#processes).fault = this.#pick<Fault>(['no', 'no', 'no', 'before', 'after', 'full'])
  }

  #check(): void {
    if (this.#problem !== undefined) throw new Error(`${this.#problem}, after\n${this.#trace.join('\n')}`)
  }

  /** The store works again: everything comes to an end, and no timer stays. */
  async #endPlay(): Promise<void> {
    this.#isSlow = false
    for (const process of this.#processes) process.fault = 'no'
    for (let left = 20; left > 0; left--) {
      while (this.#pending.length > 0) this.#pump()
      while (this.#reserved.length > 0) this.#sign()
      while (this.#presented.length > 0) this.#end()
      await this.#clock.advanceAsync(2_000)
    }
    // The heartbeat of one that died may be hours ahead, after a clock was set back.
    this.#clock.jump(200_000_000)
    await this.#processes[0]?.ledger.recover()
    this.#check()
    if (this.#model.open > 0) throw new Error(`${this.#model.open} never ended, after\n${this.#trace.join('\n')}`)
    if (this.#clock.pending > 0) throw new Error(`a timer is left, after\n${this.#trace.join('\n')}`)
  }
}

t.test(
  `P3 to P7: no window is exceeded, and nothing signed or ended twice, in ${STEPS} random steps`,
  { timeout: 600_000 },
  async t => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    t.comment(`seed ${seed}`)
    const counts: Record<string, number> = {}
    for (let play = 0; play < STEPS / STEPS_PER_PLAY; play++) {
      try {
        await new Play(seeded(seed + play), counts).run(STEPS_PER_PLAY)
      } catch (error) {
        throw new Error(`SEED=${seed + play}: ${(error as Error).message}`)
      }
    }
    t.comment(JSON.stringify(counts))
    const happens = ['settled', 'unknown', 'refused_live', 'presented again', 'in_flight', 'unresolved']
    for (const what of [...happens, 'per_minute', 'per_hour', 'per_day', 'total']) t.ok(counts[what], `${what} happens`)
  },
)
