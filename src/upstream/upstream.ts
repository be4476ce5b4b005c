import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { Authority } from '../http/authority.js'
import { atOnce, type Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { SharedRead } from '../wire/shared-read.js'
import { Connection, type ConnectionLimits, type ConnectionOwner } from './connection.js'
import type { DestinationGuard } from './destination.js'
import { type Destination, type DialResult, dial } from './dial.js'
import type { EgressProxy, ProxyHop } from './egress-proxy.js'
import { H2Session } from './h2-session.js'
import { H2Sessions, type Landed } from './h2-sessions.js'
import type { Line, LineNeed } from './line.js'
import { Pool } from './pool.js'
import type { AttemptFault } from './to-fault.js'

export type UpstreamOptions = {
  readonly clock: Clock
  readonly guard: DestinationGuard
  /** For the address of a next hop (FP-09). */
  readonly loopGuard: DestinationGuard
  /** The next hops as of now: another object says that they changed. */
  readonly egress: () => EgressProxy
  /** Our member of `Via`, where it is us who want the CONNECT to a next hop. */
  readonly via: string
  /** What upstreams are trusted by; as of now. */
  readonly secureContext: () => SecureContext
  /** Offer HTTP/2 to upstreams; as of now. */
  readonly h2: () => boolean
  readonly limits: ConnectionLimits
}

/** Windows hands the buffer to the kernel ahead of the read. */
const SHARES_READS = process.platform !== 'win32'

/** One origin (RFC 9110 §4.3.1) and its connections. */
export class Upstream implements ConnectionOwner, Destination {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** `scheme://host:port`, the key of everything kept per origin. */
  readonly origin: string
  readonly #pool: Pool
  readonly #options: UpstreamOptions
  /** Made when HTTP/2 is first offered. */
  #h2: H2Sessions | undefined
  #open = 0
  #egress: EgressProxy | undefined
  #hop: ProxyHop | undefined

  constructor(to: Destination, origin: string, options: UpstreamOptions) {
    this.scheme = to.scheme
    this.host = to.host
    this.port = to.port
    this.origin = origin
    this.#options = options
    this.#pool = new Pool(options.clock)
  }

  /** Connections open now, busy and idle. */
  get open(): number {
    return this.#open + (this.#h2?.size ?? 0)
  }

  /** A line that stands already. */
  take({ fresh, trusted, upgrade }: LineNeed): Line | undefined {
    // Proxies do not pass on an `Upgrade`: it needs a tunnel, and what is idle may not be one.
    const unfit = upgrade !== undefined && this.#currentHop() !== undefined
    if (fresh || unfit) return undefined
    const stream = this.#offersH2(upgrade) ? this.#h2?.take(trusted, this.#currentHop()) : undefined
    return stream ?? this.#pool.take(trusted)
  }

  /** HTTP/2 has no `Upgrade`, and is only spoken after ALPN. */
  #offersH2(upgrade: string | undefined): boolean {
    return this.scheme === 'https' && upgrade === undefined && this.#options.h2() && this.#h2?.refused !== true
  }

  /** No next hop between us and the origin. */
  get isDirect(): boolean {
    return this.#currentHop() === undefined
  }

  /** The way as it is now; what is idle on a former one will not be used again. */
  #currentHop(): ProxyHop | undefined {
    const egress = this.#options.egress()
    if (egress === this.#egress) return this.#hop
    const hop = egress.hopFor(this.scheme, this.host, this.port)
    if (hop !== this.#hop) this.clear()
    this.#egress = egress
    this.#hop = hop
    return hop
  }

  /** A line on a new connection. @returns cancels the dial, or leaves one that others wait for too. */
  connect({ upgrade }: LineNeed, timeout: Millis, done: (result: Line | AttemptFault) => void): () => void {
    if (!this.#offersH2(upgrade)) {
      return this.#dial(upgrade, false, timeout, landed => done(landed instanceof H2Session ? landed.line() : landed))
    }
    this.#h2 ??= new H2Sessions(this.#options, (left, landed) => this.#dial(undefined, true, left, landed))
    return this.#h2.connect(timeout, done, this.#currentHop())
  }

  #dial(upgrade: string | undefined, h2: boolean, timeout: Millis, done: (landed: Landed) => void): () => void {
    const { clock, guard, loopGuard, secureContext, limits, via } = this.#options
    const hop = this.#currentHop()
    const tunnel = hop !== undefined && (this.scheme === 'https' || upgrade !== undefined) ? via : undefined
    const isPlain = tunnel === undefined && (hop ?? this).scheme === 'http'
    let connection: Connection | undefined
    const receive = (read: Buffer): true => {
      connection?.receive(read)
      return true
    }
    const onread =
      isPlain && SHARES_READS
        ? new SharedRead(
            read => atOnce(receive, read),
            () => connection?.destroy(),
          )
        : undefined
    const detour = hop && { hop, guard: loopGuard, tunnel }
    return dial(this, { guard, clock, timeout, secureContext, h2, onread, detour }, result => {
      if (!('socket' in result)) return done(result)
      const { socket } = result
      if (this.#h2 !== undefined && isH2(socket)) return done(this.#h2.open(socket, hop))
      connection = new Connection(socket, limits, this, hop, tunnel === undefined ? hop : undefined)
      if (onread === undefined) socket.on('data', receive).resume()
      else socket.on('close', onread.close)
      this.#open++
      done(connection)
    })
  }

  /** Takes over a socket that was dialled for a tunnel and turned out to carry plain HTTP. */
  adopt(socket: Socket): void {
    const connection = new Connection(socket, this.#options.limits, this, this.#currentHop())
    socket.on('data', chunk => connection.receive(chunk))
    this.#open++
    this.#pool.put(connection)
  }

  /** A reused connection died before a byte came back: its siblings are as old. */
  distrust(): void {
    this.#pool.distrust()
    this.#h2?.distrust()
  }

  /** Closes what has been idle too long. */
  sweep(): void {
    if (this.#pool.size > 0) this.#pool.sweep()
    this.#h2?.sweep()
  }

  /** Closes everything idle. */
  clear(): void {
    this.#pool.clear()
    this.#h2?.clear()
  }

  onReusable(connection: Connection): void {
    if (connection.hop !== this.#currentHop()) connection.destroy()
    else this.#pool.put(connection)
  }

  onGone(connection: Connection): void {
    this.#open--
    this.#pool.drop(connection)
  }
}

/** What ALPN chose (RFC 9113 §3.3). */
const isH2 = (socket: Socket): boolean => socket instanceof TLSSocket && socket.alpnProtocol === 'h2'

/** Origins with nothing open are forgotten beyond this many. */
const ORIGINS_MAX = 10_000
const SWEEP_EVERY = 1_000

/** Every origin spoken to. */
export class Upstreams {
  readonly #byOrigin = new Map<string, Upstream>()
  readonly #options: UpstreamOptions
  readonly #timer: NodeJS.Timeout

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#sweep(), SWEEP_EVERY).unref()
  }

  get(scheme: 'http' | 'https', host: string, port: number): Upstream {
    const origin = `${scheme}://${host}:${port}`
    const known = this.#byOrigin.get(origin)
    if (known !== undefined) return known
    const upstream = new Upstream({ scheme, host, port }, origin, this.#options)
    this.#byOrigin.set(origin, upstream)
    return upstream
  }

  /** Bytes to and from a host, for a CONNECT tunnel. @param to `via`: what the CONNECT came through, us included @returns cancels the dial */
  dialRaw(
    to: Authority & { readonly via: readonly string[] },
    timeout: Millis,
    done: (result: DialResult) => void,
  ): () => void {
    const { clock, guard, loopGuard, secureContext, egress } = this.#options
    const { host, port } = to
    // What passes through a tunnel is TLS, mostly: `env` decides by HTTPS_PROXY.
    const hop = egress().hopFor('https', host, port)
    const detour = hop && { hop, guard: loopGuard, tunnel: to.via.join(', ') }
    const options = { clock, guard, timeout, secureContext, h2: false, onread: undefined, detour }
    return dial({ scheme: 'http', host, port }, options, done)
  }

  /** Connections open to all origins, busy and idle. */
  get open(): number {
    let open = 0
    for (const upstream of this.#byOrigin.values()) open += upstream.open
    return open
  }

  /** Closes everything idle: the rules it was dialled under are no longer those in force. */
  clear(): void {
    for (const upstream of this.#byOrigin.values()) upstream.clear()
  }

  close(): void {
    clearInterval(this.#timer)
    this.clear()
  }

  #sweep(): void {
    for (const [origin, upstream] of this.#byOrigin) {
      upstream.sweep()
      if (this.#byOrigin.size > ORIGINS_MAX && upstream.open === 0) this.#byOrigin.delete(origin)
    }
  }
}
