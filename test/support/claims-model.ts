import type { ClaimRecord } from '../../src/idempotency/claim-record.js'
import type { ManualClock } from './clock.js'

/** One sending of a request: from the write that made the claim until the write that ended it. */
export type Run = {
  readonly by: string
  readonly record: ClaimRecord
  /** Monotonic; its process gives it up then. */
  readonly leaseUntil: number
  end: 'complete' | 'release' | 'uncertain' | undefined
  /** Of an end that has one. */
  answer: string | undefined
}

type Kept = {
  state: ClaimRecord['state']
  readonly run: Run
  /** Its answer was written with it. */
  answer: string | undefined
  /** The latest wall time it has seen: a clock that is set back may show it again. */
  seenUntil: number
}

/** Of whom, and `offset`: of monotonic from wall time when the store was asked. */
type Write = { readonly by: string; readonly key: string; readonly setting: Setting; readonly offset: number }

export type Setting = 'resume' | 'block' | 'allow'

/**
 * What the rules say (I5 to I12), without lanes, polls, retries or promises: the record of each key, changed by each
 * write that really happened, and what somebody who asks now may be told.
 */
export class ClaimsModel {
  readonly #clock: ManualClock
  readonly #kept = new Map<string, Kept>()
  /** What a living process has open or is about to end, by process and key. */
  readonly #held = new Map<string, Run>()
  readonly #beats = new Map<string, { readonly until: number; seenUntil: number }>()

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  held(by: string, key: string): Run | undefined {
    return this.#held.get(`${by} ${key}`)
  }

  /** Time has passed. */
  tick(): void {
    const now = this.#clock.now()
    for (const seen of [...this.#kept.values(), ...this.#beats.values()]) seen.seenUntil = Math.max(seen.seenUntil, now)
  }

  /** A process said that it lives. */
  beat(by: string, until: number): void {
    this.#beats.set(by, { until, seenUntil: this.#clock.now() })
  }

  crash(by: string): void {
    for (const key of [...this.#held.keys()]) if (key.startsWith(`${by} `)) this.#held.delete(key)
  }

  /** `record` was written (`undefined`: deleted). @returns what is wrong with that */
  write(write: Write, record: ClaimRecord | undefined, withAnswer: boolean): string | undefined {
    const { by, key } = write
    const kept = this.#alive(key)
    if (record?.state === 'open') return this.#begin(write, record, kept)
    const run = this.held(by, key)
    // What was over before the clock was set back may be gone from the store.
    if (kept !== undefined && kept.run !== run && !this.#mayBeOver(kept)) return `${by} ended a claim of ${kept.run.by}`
    if (run === undefined) return record === undefined ? undefined : 'a claim ended that nobody held'
    // A claim may end by its lease just before somebody ends it.
    const isLate = this.#isOver(run) && record?.state === 'uncertain'
    if (record === undefined) {
      const isTimeOver = run.record.expiresAt <= this.#clock.now()
      if (run.end !== 'release' && !isTimeOver) return `a claim was dropped that ended as ${run.end}`
      this.#kept.delete(key)
      return undefined
    }
    if (record.owner !== run.record.owner) return 'a claim ended under another owner'
    const wanted: readonly unknown[] = run.end === 'complete' ? ['completed', 'bodiless'] : [run.end]
    if (!isLate && !wanted.includes(record.state)) return `a claim that ended as ${run.end} is ${record.state}`
    if (withAnswer !== (record.state === 'completed')) return 'an answer without its claim'
    this.#keep(key, record, run, withAnswer ? run.answer : undefined)
    return undefined
  }

  #begin({ by, key, setting, offset }: Write, record: ClaimRecord, kept: Kept | undefined): string | undefined {
    const held = this.held(by, key)
    if (held !== undefined && held.end === undefined && !this.#isOver(held)) return `${by} claims what it runs`
    const isFree = kept === undefined || this.#mayBeOver(kept)
    if (record.resumed ? !this.#mayTake(by, key, kept, setting) : !isFree)
      return `${by} claims ${record.resumed ? 'again' : 'anew'} what ${kept?.run.by} has ${kept?.state}`
    const run: Run = { by, record, leaseUntil: record.leaseUntil + offset, end: undefined, answer: undefined }
    this.#held.set(`${by} ${key}`, run)
    this.#keep(key, record, run, undefined)
    return undefined
  }

  #isOver = (run: Run): boolean => run.leaseUntil <= this.#clock.monotonic()

  #keep(key: string, record: ClaimRecord, run: Run, answer: string | undefined): void {
    this.#kept.set(key, { state: record.state, run, answer, seenUntil: this.#clock.now() })
  }

  #mayTake(by: string, key: string, kept: Kept | undefined, setting: Setting): boolean {
    if (kept === undefined || setting === 'block') return false
    if (kept.state === 'bodiless') return setting === 'resume'
    // Who looked before the clock was set back saw that its lease was over.
    const wasOver = kept.state === 'open' && kept.run.record.leaseUntil <= kept.seenUntil
    return kept.state !== 'completed' && (wasOver || this.#isUncertain(by, key, kept))
  }

  /** Whether its owner cannot be asked any more. */
  #isUncertain(by: string, key: string, { state, run }: Kept): boolean {
    if (state !== 'open') return state === 'uncertain'
    return this.#isLost(by, key, { run }) || this.#isSilent(run.by) !== 'no'
  }

  /** Whatever its owner says: its lease is over, or it is this process's own and runs no more. */
  #isLost(by: string, key: string, { run }: Pick<Kept, 'run'>): boolean {
    const isOwn = run.by === by && (this.held(by, key) !== run || run.end !== undefined || this.#isOver(run))
    return isOwn || run.record.leaseUntil <= this.#clock.now()
  }

  /** Maybe: it was over, until somebody set the clock back. */
  #isSilent(by: string): 'yes' | 'no' | 'maybe' {
    const beat = this.#beats.get(by)
    if (beat === undefined || beat.until <= this.#clock.now()) return 'yes'
    return beat.until <= beat.seenUntil ? 'maybe' : 'no'
  }

  #ends({ state, run }: Kept): number {
    return state === 'open' ? Math.max(run.record.expiresAt, run.record.leaseUntil) : run.record.expiresAt
  }

  #alive(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    return kept === undefined || this.#ends(kept) <= this.#clock.now() ? undefined : kept
  }

  #mayBeOver = (kept: Kept): boolean => this.#ends(kept) <= Math.max(kept.seenUntil, this.#clock.now())

  /** What one who asks now may be told at once; `wait` and `claimed` for those that are no answers. */
  says(by: string, key: string, payload: string, setting: Setting): string[] {
    const held = this.held(by, key)
    const said = this.#saysKept(by, key, payload, setting)
    if (held === undefined) return said
    const isSame = held.record.fingerprint === payload
    // A lease that is over ends the claim about then.
    if (held.end === undefined) return [...(this.#isOver(held) ? said : []), isSame ? 'wait' : 'reused']
    if (held.answer === undefined) return said
    // Told before it is written.
    return [...said, isSame ? `replay ${held.answer}` : 'reused']
  }

  #saysKept(by: string, key: string, payload: string, setting: Setting): string[] {
    const kept = this.#kept.get(key)
    if (kept === undefined || this.#ends(kept) <= this.#clock.now()) return ['claimed']
    const said = this.#mayBeOver(kept) ? ['claimed'] : []
    if (kept.run.record.fingerprint !== payload) return [...said, 'reused']
    if (kept.state === 'completed') return [...said, `replay ${kept.answer}`]
    if (kept.state === 'bodiless') return [...said, setting === 'resume' ? 'resumed' : `no-body 200`]
    if (!this.#isUncertain(by, key, kept)) return [...said, 'wait']
    // Its heartbeat is read after the record, and may have come back by then.
    if (kept.state === 'open' && !this.#isLost(by, key, kept)) said.push('wait')
    return [...said, setting === 'block' ? 'unknown' : 'resumed']
  }
}
