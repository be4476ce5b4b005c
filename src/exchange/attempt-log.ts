import type { Why } from '../policy/types.js'
import type { Clock } from '../time/clock.js'
import type { AttemptRecord } from './record.js'

/** What happened in each attempt of one exchange, for the log, `Proxy-Status` and the next decision. */
export class AttemptLog {
  readonly records: AttemptRecord[] = []
  readonly startedAt: number
  readonly #clock: Clock
  #current: AttemptRecord | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.startedAt = clock.monotonic()
  }

  get count(): number {
    return this.records.length
  }

  /** When the current attempt was dispatched, monotonic. */
  get dispatchedAt(): number {
    return this.#current?.startedAt ?? this.startedAt
  }

  begin(): void {
    const now = this.#clock.monotonic()
    this.#current = {
      n: this.records.length + 1,
      outcome: '',
      why: '',
      wait_ms: 0,
      reused: false,
      bytes_sent: 0,
      startedAt: now,
      endedAt: now,
    }
    this.records.push(this.#current)
  }

  dispatched(reused: boolean): void {
    if (this.#current) this.#current.reused = reused
  }

  /** @param outcome a status or the name of a fault */
  outcome(outcome: string, bytesSent: number): void {
    if (!this.#current) return
    this.#current.outcome = outcome
    this.#current.bytes_sent = bytesSent
    this.#current.endedAt = this.#clock.monotonic()
  }

  decided(why: Why): void {
    if (this.#current) this.#current.why = why
  }

  /** The wait after the current attempt is over, or was given up. */
  waited(): void {
    if (this.#current) this.#current.wait_ms = this.#clock.monotonic() - this.#current.endedAt
  }

  /** The answer's body is over: it belongs to the attempt that gave it. */
  ended(): void {
    if (this.#current) this.#current.endedAt = this.#clock.monotonic()
  }
}
