import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Authority } from '../http/authority.js'
import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { SHARED_MAX } from '../wire/shared-read.js'
import { Connection, type ConnectionLimits, type ConnectionOwner } from './connection.js'
import type { DestinationGuard } from './destination.js'
import { type Destination, type DialOptions, type DialResult, dial } from './dial.js'
import type { EgressProxy, ProxyHop } from './egress-proxy.js'
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
  /** Our member of `Via`, for CONNECT to a next hop. */
  readonly via: string
  readonly secureContext: SecureContext | undefined
  readonly limits: ConnectionLimits
}

/**
 * All plain sockets read into this one buffer: a read is handled before the next begins, and what is kept is copied (`wire/shared-read.ts`).
 * It saves an allocation of 64 KiB for each read. Windows hands the buffer to the kernel ahead of the read.
 */
const READ_BUFFER = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(65_536)

/** One origin (RFC 9110 §4.3.1) and its connections. */
export class Upstream implements ConnectionOwner, Destination {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** `scheme://host:port`, the key of everything kept per origin. */
  readonly origin: string
  readonly #pool: Pool
  readonly #options: UpstreamOptions
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
    return this.#open
  }

  /** A line that stands already. */
  take({ fresh, trusted, upgrade }: LineNeed): Line | undefined {
    // Proxies do not pass on an `Upgrade`: it needs a tunnel, and what is idle may not be one.
    const unfit = upgrade !== undefined && this.#currentHop() !== undefined
    return fresh || unfit ? undefined : this.#pool.take(trusted)
  }

  /** The way as it is now; what is idle on a former one will not be used again. */
  #currentHop(): ProxyHop | undefined {
    const egress = this.#options.egress()
    if (egress === this.#egress) return this.#hop
    const hop = egress.hopFor(this.scheme, this.host, this.port)
    if (hop !== this.#hop) this.#pool.clear()
    this.#egress = egress
    this.#hop = hop
    return hop
  }

  /** Dials a new connection. @returns cancels the dial. */
  connect(need: LineNeed, timeout: Millis, done: (result: Line | AttemptFault) => void): () => void {
    const { clock, guard, loopGuard, secureContext, limits, via } = this.#options
    const hop = this.#currentHop()
    const tunnel = hop !== undefined && (this.scheme === 'https' || need.upgrade !== undefined) ? via : undefined
    const isPlain = tunnel === undefined && (hop ?? this).scheme === 'http'
    let connection: Connection | undefined
    const onread = isPlain ? sharedRead(read => connection?.receive(read)) : undefined
    const detour = hop && { hop, guard: loopGuard, tunnel }
    return dial(this, { guard, clock, timeout, secureContext, onread, detour }, result => {
      if (!('socket' in result)) return done(result)
      const { socket } = result
      connection = new Connection(socket, limits, this, hop, tunnel === undefined ? hop : undefined)
      if (onread === undefined) socket.on('data', chunk => connection?.receive(chunk)).resume()
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
  }

  /** Closes what has been idle too long. */
  sweep(): void {
    if (this.#pool.size > 0) this.#pool.sweep()
  }

  /** Closes everything idle. */
  clear(): void {
    this.#pool.clear()
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

/** Reading into the shared buffer; a chunk is only good until the callback returns, unless it is large and was copied. */
function sharedRead(receive: (chunk: Buffer) => void): DialOptions['onread'] {
  return (
    READ_BUFFER && {
      buffer: READ_BUFFER,
      callback: (bytes, buffer) => {
        const read = buffer.subarray(0, bytes)
        receive(bytes > SHARED_MAX ? Buffer.from(read) : read)
        return true
      },
    }
  )
}

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

  /** Bytes to and from a host, for a CONNECT tunnel. @param to `via`: what the CONNECT came through @returns cancels the dial */
  dialRaw(
    to: Authority & { readonly via: readonly string[] },
    timeout: Millis,
    done: (result: DialResult) => void,
  ): () => void {
    const { clock, guard, loopGuard, secureContext, egress, via } = this.#options
    const { host, port } = to
    // What passes through a tunnel is TLS, mostly: `env` decides by HTTPS_PROXY.
    const hop = egress().hopFor('https', host, port)
    const detour = hop && { hop, guard: loopGuard, tunnel: [...to.via, via].join(', ') }
    const options = { clock, guard, timeout, secureContext, onread: undefined, detour }
    return dial({ scheme: 'http', host, port }, options, done)
  }

  /** Connections open to all origins, busy and idle. */
  get open(): number {
    let open = 0
    for (const upstream of this.#byOrigin.values()) open += upstream.open
    return open
  }

  close(): void {
    clearInterval(this.#timer)
    for (const upstream of this.#byOrigin.values()) upstream.clear()
  }

  #sweep(): void {
    for (const [origin, upstream] of this.#byOrigin) {
      upstream.sweep()
      if (this.#byOrigin.size > ORIGINS_MAX && upstream.open === 0) this.#byOrigin.delete(origin)
    }
  }
}
