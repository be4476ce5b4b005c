import type { Route } from '../config/config.js'
import type { Fields } from '../http/fields.js'
import { readHint } from '../http/hint.js'
import { isClientRepeat } from '../http/sdk-retry.js'
import type { Admission } from '../policy/breaker.js'
import type { Outcome } from '../policy/types.js'
import type { Entry, Waiter } from '../state/cooldown-gate.js'
import type { UpstreamHealth } from '../state/upstream-health.js'
import type { Clock } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'
import { credentialPrint } from './credential-print.js'

/** How long a cooldown may be on a route that has no `retry.retry_after.max`. */
const LONGEST_PAUSE = seconds(60)

/** One exchange's dealings with what is remembered of its origin: budget, breaker and cooldown gates. */
export class OriginView {
  /** `scheme://host:port`. */
  readonly name: string
  /** Answers that said when to come back, in words that nobody understands (R5). */
  invalidHints: number | undefined
  readonly #health: UpstreamHealth
  readonly #route: Route
  readonly #fields: Fields
  readonly #clock: Clock
  /** The breaker let this attempt through as its one probe: it must hear how it ends. */
  #probe = false
  #print: string | undefined
  #paidAt: number | undefined

  /** @param print of the credential that we add; the client's own counts without one */
  constructor(
    name: string,
    health: UpstreamHealth,
    route: Route,
    fields: Fields,
    clock: Clock,
    print: string | undefined,
  ) {
    this.name = name
    this.#health = health
    this.#route = route
    this.#fields = fields
    this.#clock = clock
    this.#print = print
  }

  /** A first attempt earns a share of a repeat; a client's own repeat loads the upstream like one of ours (R7, R11). */
  countFirst(): void {
    if (this.#route.retry === undefined) return
    const now = this.#clock.lately()
    if (isClientRepeat(this.#fields)) this.#health.budget.withdraw(now)
    else this.#health.budget.deposit(now)
  }

  get budget(): boolean {
    return this.#health.budget.canWithdraw(this.#clock.lately())
  }

  payRepeat(): void {
    this.#paidAt = this.#clock.lately()
    this.#health.budget.withdraw(this.#paidAt)
  }

  /** The repeat that was paid for will not be made. */
  refundRepeat(): void {
    if (this.#paidAt !== undefined) this.#health.budget.refund(this.#clock.lately(), this.#paidAt)
    this.#paidAt = undefined
  }

  /** Ask before each attempt (R9). */
  admit(): Admission {
    this.#paidAt = undefined
    const admission = this.#health.admit()
    this.#probe = admission.admit && admission.probe
    return admission
  }

  /** The attempt ends without having told anything. */
  abandon(): void {
    this.#health.breaker?.onAbandoned(this.#probe)
    this.#probe = false
  }

  /** An answer below 400: the way of most requests. @param dispatchedAt monotonic */
  succeeded(outcome: Outcome, dispatchedAt: number): void {
    this.#health.conclude(outcome, this.#probe)
    this.#probe = false
    // The fingerprint is only worth computing while a gate may ask for it.
    this.#health.noteSuccess(this.#health.gates.size === 0 ? '' : this.#credential(), dispatchedAt)
  }

  /** A fault, or an answer of 400 and above: what it says about the origin, whatever happens to this exchange. */
  failed(outcome: Outcome, dispatchedAt: number): void {
    const { cooldown, retry } = this.#route
    const hint = outcome.kind === 'answer' && this.#mayWait(outcome.status) ? this.#hintOf(outcome.fields) : undefined
    if (outcome.kind === 'answer' && !cooldown?.on.includes(outcome.status) && outcome.status < 500) {
      return this.succeeded(outcome, dispatchedAt)
    }
    this.#health.conclude(outcome, this.#probe, hint)
    this.#probe = false
    if (outcome.kind === 'fault' || !cooldown?.on.includes(outcome.status)) return
    // A pause longer than we would ever wait is this request's own matter: others may be wanted elsewhere.
    if (hint !== undefined && hint <= (retry?.retry_after.max ?? LONGEST_PAUSE)) {
      this.#health.closeGate(this.#credential(), hint, dispatchedAt)
    } else if (this.#health.gates.size > 0) this.#health.gate(this.#credential())?.noteLimited(dispatchedAt)
  }

  /** Asks for a turn at the cooldown gate (R8); `leave` gives up a place in its queue. */
  enterGate(waiter: Waiter): { readonly entry: Entry; readonly leave: () => void } {
    const gate = this.#health.gates.size === 0 ? undefined : this.#health.gate(this.#credential())
    return { entry: gate?.enter(waiter) ?? 'pass', leave: () => gate?.leave(waiter) }
  }

  #mayWait(status: number): boolean {
    const { cooldown, retry } = this.#route
    return status >= 500 || cooldown?.on.includes(status) === true || retry?.statuses.includes(status) === true
  }

  #hintOf(fields: Fields): Millis | undefined {
    const hint = readHint(fields, this.#clock.now(), this.#route.retry?.reset_headers ?? [])
    if (hint.kind === 'invalid') this.invalidHints = (this.invalidHints ?? 0) + 1
    return hint.kind === 'wait' ? hint.wait : undefined
  }

  #credential(): string {
    this.#print ??= credentialPrint(this.#fields)
    return this.#print
  }
}
