import type { Fields } from '../http/fields.js'
import type { MethodClass, Phase, Why } from '../policy/types.js'
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
  readonly nature: { readonly class: MethodClass }
}

/** An answer's head, or a fault. */
type AttemptEnd =
  | { readonly status: number; readonly fields: Fields }
  | { readonly fault: string; readonly phase: Phase }

const NONE: readonly AttemptRecord[] = []

/** What happened in each attempt of one exchange, for the log, `Proxy-Status` and the next decision. */
export class AttemptLog {
  records: readonly AttemptRecord[] = NONE
  readonly startedAt: number
  /** Milliseconds at the cooldown gate before the first attempt. */
  queuedMs = 0
  /** An attempt was sent, and never answered: whatever comes later says nothing about that one. */
  mayHaveActed = false
  readonly #clock: Clock
  #current: AttemptRecord | undefined
  #endedAt = 0

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
      phase: undefined,
      why: '',
      wait_ms: 0,
      reused: false,
      bytes_sent: 0,
      startedAt: now,
      connectedAt: 0,
      sentAt: 0,
      headAt: 0,
      endedAt: now,
      refused: undefined,
    }
    this.records = this.count === 0 ? [this.#current] : [...this.records, this.#current]
  }

  dispatched(reused: boolean): void {
    if (!this.#current) return
    this.#current.reused = reused
    this.#current.connectedAt = reused ? this.#current.startedAt : this.#clock.monotonic()
  }

  /** @param now monotonic */
  sent(now: number): void {
    if (this.#current) this.#current.sentAt = now
  }

  /** @param unanswered the upstream may have acted, and will not say so */
  outcome(end: AttemptEnd, bytesSent: number, unanswered = false): void {
    if (unanswered) this.mayHaveActed = true
    const attempt = this.#current
    if (!attempt) return
    attempt.bytes_sent = bytesSent
    attempt.endedAt = this.#clock.monotonic()
    if ('fault' in end) {
      attempt.outcome = end.fault
      attempt.phase = end.phase
      return
    }
    attempt.outcome = String(end.status)
    attempt.headAt = attempt.endedAt
    if (end.status >= 400) attempt.refused = end.fields
  }

  /** A tunnel has its upstream; what passes through it is nobody's answer. */
  connected(): void {
    if (!this.#current) return
    this.#current.outcome = 'connected'
    this.#current.connectedAt = this.#clock.monotonic()
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
    { route, mode, scheme, authority, path }: Plan,
    { method, fields }: RequestHead,
    { reply, body, origin, keyed, paid, nature }: Ended,
    end: string | undefined,
  ): ExchangeRecord {
    return {
      id,
      route: route.name,
      mode,
      method,
      scheme,
      host: authority,
      path: withoutQuery(path),
      query: path.includes('?'),
      class: nature.class,
      status: reply.status,
      end,
      attempts: this.records,
      startedAt: this.startedAt,
      endedAt: this.#endedAt,
      queued_ms: this.queuedMs,
      fields,
      key: keyed?.hint,
      spend: paid?.spent,
      hints_invalid: origin.invalidHints,
      bytes_in: body?.received ?? 0,
      bytes_out: reply.bytes,
    }
  }

  /** Everything is over; the answer's body belongs to the attempt that gave it. */
  ended(): void {
    this.#endedAt = this.#clock.monotonic()
    if (this.#current) this.#current.endedAt = this.#endedAt
  }
}
