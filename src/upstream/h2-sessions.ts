import type { Socket } from 'node:net'
import type { Cancel, Clock } from '../time/clock.js'
import { MAX_TIMER, type Millis } from '../time/units.js'
import { Connection, type ConnectionLimits } from './connection.js'
import type { ProxyHop } from './egress-proxy.js'
import { type H2Owner, H2Session } from './h2-session.js'
import type { Line } from './line.js'
import { IDLE_LIMIT } from './pool.js'
import { SharedDial, Waiter } from './shared-dial.js'
import type { AttemptFault } from './to-fault.js'

/** What a dial that offered HTTP/2 led to. */
export type Landed = H2Session | Connection | AttemptFault

/** Dials one new connection. @returns cancels it */
export type OfferH2 = (timeout: Millis, done: (result: Landed) => void) => Cancel

/** The HTTP/2 connections of one origin, and the requests that wait for one. */
export class H2Sessions implements H2Owner {
  /** The origin answers by HTTP/1.1 only, although it chose HTTP/2 (RFC 9113 §7, HTTP_1_1_REQUIRED). */
  refused = false
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #dial: OfferH2
  readonly #sessions: H2Session[] = []
  /** What the origin chose last; shared dials are for origins that may choose HTTP/2. */
  #speaksHttp11 = false
  /** The latest that others may join. */
  #pending: SharedDial | undefined
  /** What has a connection, and waits for its SETTINGS. */
  readonly #settling = new Map<H2Session, SharedDial>()
  /** Streams that the origin's connections take, as far as it said. */
  #capacity = Number.POSITIVE_INFINITY
  #hop: ProxyHop | undefined

  constructor(options: { readonly clock: Clock; readonly limits: ConnectionLimits }, dial: OfferH2) {
    this.#clock = options.clock
    this.#limits = options.limits
    this.#dial = dial
  }

  /** Connections open now. */
  get size(): number {
    return this.#sessions.length
  }

  /** Takes over a connection on which HTTP/2 was chosen. */
  open(socket: Socket, hop: ProxyHop | undefined): H2Session {
    const session = new H2Session(socket, this.#limits, this.#clock, this, hop)
    this.#speaksHttp11 = false
    this.#sessions.push(session)
    return session
  }

  /** A stream on a connection that stands. @param trusted only on one whose death would be a surprise */
  take(trusted: boolean, hop: ProxyHop | undefined): Line | undefined {
    // The newest first, so that the rest can grow old and close.
    for (let i = this.#sessions.length - 1; i >= 0; i--) {
      const session = this.#sessions[i] as H2Session
      if (session.hop !== hop) session.retire()
      if (!session.usable || session.idle >= IDLE_LIMIT) continue
      if (!trusted || session.trusted) return session.line()
    }
    return undefined
  }

  /** A line on a new connection, which others may share from its beginning. */
  connect(timeout: Millis, done: (result: Line | AttemptFault) => void, hop: ProxyHop | undefined): Cancel {
    // A dial that goes another way than requests should now is for those who wait for it already.
    if (hop !== this.#hop) this.#pending = undefined
    this.#hop = hop
    const waiter = new Waiter(this.#clock, timeout, done)
    this.#place(waiter)
    return () => waiter.cancel()
  }

  #place(waiter: Waiter): void {
    if (this.#speaksHttp11) return this.#dialAlone(waiter)
    if (this.#pending?.takesMore(this.#capacity)) return this.#pending.add(waiter)
    const shared = new SharedDial(this.#clock)
    this.#pending = shared
    shared.add(waiter)
    shared.begin(() => this.#dial(MAX_TIMER, result => this.#onLanded(shared, result)))
  }

  #dialAlone(waiter: Waiter): void {
    let cancel: Cancel = () => undefined
    waiter.waitAt({ leave: () => cancel() })
    cancel = this.#dial(waiter.timeLeft, result => {
      cancel = () => undefined
      waiter.settle(result instanceof H2Session ? result.line() : result)
    })
  }

  #onLanded(shared: SharedDial, result: Landed): void {
    if (result instanceof H2Session) return this.#onConnected(shared, result)
    const waiting = shared.close()
    if (!(result instanceof Connection)) {
      for (const waiter of waiting) waiter.settle(result)
      return
    }
    this.#speaksHttp11 = true
    waiting[0]?.settle(result)
    for (const waiter of waiting.slice(1)) this.#place(waiter)
  }

  /** The first goes at once; the others wait until the peer has said how many it takes. */
  #onConnected(shared: SharedDial, session: H2Session): void {
    shared.connected()
    this.#settling.set(session, shared)
    shared.first()?.settle(session.line())
  }

  onSettled(session: H2Session): void {
    this.#capacity = session.streamsMax ?? this.#capacity
    const waiting = this.#settled(session)
    for (const waiter of waiting) {
      if (session.usable) waiter.settle(session.line())
      else this.#place(waiter)
    }
  }

  #settled(session: H2Session): readonly Waiter[] {
    const waiting = this.#settling.get(session)?.close() ?? []
    this.#settling.delete(session)
    return waiting
  }

  onGone(session: H2Session): void {
    const at = this.#sessions.indexOf(session)
    if (at >= 0) this.#sessions.splice(at, 1)
    for (const waiter of this.#settled(session)) {
      waiter.settle({ fault: 'connection_terminated', phase: 'unsent', details: 'closed before SETTINGS' })
    }
  }

  onHttp11Required(): void {
    this.refused = true
  }

  /** A connection died silently under a request: those as silent are no longer used. */
  distrust(): void {
    for (const session of [...this.#sessions]) if (!session.trusted) session.retire()
  }

  /** Closes what has been idle too long. */
  sweep(): void {
    for (const session of [...this.#sessions]) session.sweep(IDLE_LIMIT)
  }

  /** No connection takes further streams; those without any close. */
  clear(): void {
    for (const session of [...this.#sessions]) session.retire()
  }
}
