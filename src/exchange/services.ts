import type { Credential } from '../credential/credentials.js'
import type { UpstreamHealths } from '../state/upstream-healths.js'
import type { Clock, Random } from '../time/clock.js'
import type { Watch } from '../time/watch.js'
import type { Upstreams } from '../upstream/upstream.js'
import type { BodyMemory } from './body-memory.js'
import type { Idempotency } from './keyed-request.js'
import type { Payments } from './paid-request.js'
import type { RecordSink } from './record.js'
import type { Unattended } from './unattended.js'

/** How many there are now: who begins one counts it, and takes it off when it is over. */
type Running = { exchanges: number; tunnels: number }

/** What every exchange is given; made once, in `main`. */
export type Services = {
  readonly clock: Clock
  readonly random: Random
  readonly watch: Watch
  readonly upstreams: Upstreams
  readonly healths: UpstreamHealths
  /** The credential of that name under the rules in force. */
  readonly credential: (name: string) => Credential | undefined
  /** `undefined` while no route deals in idempotency keys. */
  readonly idempotency: Idempotency | undefined
  /** `undefined` while no route pays. */
  readonly payments: Payments | undefined
  readonly unattended: Unattended
  readonly running: Running
  readonly bodyMemory: BodyMemory
  /** A private directory for request bodies that outgrow memory. */
  readonly spillDirectory: string
  /** Our pseudonym in `Via` (RFC 9110 §7.6.3). */
  readonly pseudonym: string
  readonly newId: () => string
  /** Undefined when nobody reads exchange records. */
  readonly record: RecordSink | undefined
}
