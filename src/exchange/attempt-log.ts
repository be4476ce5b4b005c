import type { Why } from '../policy/types.js'
import type { Clock } from '../time/clock.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import { type AttemptRecord, type ExchangeRecord, withoutQuery } from './record.js'
import type { Reached } from './respond.js'

/** What the record tells of the exchange's parts. */
type Ended = {
  readonly reply: { readonly status: number; readonly bytes: number }
  readonly body: { readonly received: number } | undefined
  readonly origin: { readonly invalidHints: number | undefined }
  readonly keyed: { readonly hint: string | undefined } | undefined
  readonly paid: { readonly spent: string | undefined } | undefined
}

/** What happened in each attempt of one exchange, for the log, `Proxy-Status` and the next decision. */
export class AttemptLog {
  readonly records: AttemptRecord[] = []
  readonly startedAt: number
  /** Milliseconds at the cooldown gate before the first attempt. */
  queuedMs = 0
  /** An attempt was sent, and never answered: whatever comes later says nothing about that one. */
  mayHaveActed = false
  readonly #clock: Clock
  #current: AttemptRecord | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.startedAt = clock.monotonic()
  }

  get count(): number {
    return this.records.length
  }

  /** As far as that is known without looking at the attempts: a body may have been read before the first (I5). */
  get reached(): Reached {
    return this.count > 0 ? 'unknown' : 'not-sent'
  }

  /** The turn at the cooldown gate came. */
  queued(): void {
    this.queuedMs = this.#clock.monotonic() - this.startedAt
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

  /** @param outcome a status or the name of a fault @param unanswered the upstream may have acted, and will not say so */
  outcome(outcome: string, bytesSent: number, unanswered = false): void {
    if (unanswered) this.mayHaveActed = true
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

  /** What the whole exchange leaves behind. One literal, no spread: this runs for every request. */
  record(
    id: string,
    { route, mode, authority, path }: Plan,
    { method, fields }: RequestHead,
    { reply, body, origin, keyed, paid }: Ended,
    end: string | undefined,
  ): ExchangeRecord {
    return {
      id,
      route: route.name,
      mode,
      method,
      host: authority,
      path: withoutQuery(path),
      status: reply.status,
      end,
      attempts: this.records,
      startedAt: this.startedAt,
      queued_ms: this.queuedMs,
      fields,
      key: keyed?.hint,
      spend: paid?.spent,
      hints_invalid: origin.invalidHints,
      bytes_in: body?.received ?? 0,
      bytes_out: reply.bytes,
    }
  }

  /** The answer's body is over: it belongs to the attempt that gave it. */
  ended(): void {
    if (this.#current) this.#current.endedAt = this.#clock.monotonic()
  }
}
