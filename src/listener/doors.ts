import type { Server } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { Logger } from 'pino'
import type { ListenAddress } from '../config/config.js'
import { openFilesLimit } from '../config/open-files-limit.js'
import { formatAuthority } from '../http/authority.js'
import { type Millis, millis } from '../time/units.js'
import type { Door } from './admission.js'
import { afterGrace, clientConnection } from './client-connection.js'
import type { Http2Connections } from './http2-connection.js'
import { connectionLimits } from './open-files.js'
import { createListener, type ListenerContext } from './server.js'
import { closeToOthers, makeWay } from './unix-socket.js'

/** A listening address could not be had. The message says who to look for. */
export class BindError extends Error {
  override readonly name = 'BindError'
}

/** What was sent on this machine is here after so long, busy as it may be. */
const ON_ITS_WAY = millis(10)
/** Turns of the event loop without a new connection: the last one was read by then. */
const QUIET_TURNS = 3
/** Of the connections that may be: from here on idle ones are closed. */
const CROWDED = 0.92
/**
 * Connections that may wait to be accepted. One is in each turn of the event loop, so a crowd that comes at once has to
 * wait; what finds no room is told nothing, tries again after seconds, and is reset in the end. Linux allows no more.
 */
const BACKLOG = 4_096

/** All listening sockets of the daemon and the client sockets behind them. */
export class Doors {
  readonly #context: ListenerContext
  readonly #logger: Logger
  readonly #servers: Server[] = []
  readonly #clients = new Set<Socket>()
  readonly #http2: Http2Connections = new Set()
  /** Client connections, without what is inside of tunnels. */
  #taken = 0
  /** How many of them may be. */
  #most = 0
  #accepted = 0
  #draining = false

  constructor(context: ListenerContext, logger: Logger) {
    this.#context = context
    this.#logger = logger
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Client connections open now. */
  get clients(): number {
    return this.#clients.size
  }

  /** @param shared other processes listen there, too @returns the real address: port 0 is allowed. @throws BindError */
  async open(door: Door, shared = false): Promise<ListenAddress> {
    const { address } = door
    if (!shared) await clearWay(address)
    const real = { ...door, address: { ...address } }
    const server = createListener(this.#context, real, this.#http2)
    server.on('connection', socket => this.#watch(socket))
    this.#limit(server)
    await listen(server, address)
    this.#tellLimit()
    server.on('error', error => this.#logger.error({ error: error.message }, 'listener error'))
    this.#servers.push(server)
    if (address.kind === 'unix') closeToOthers(address.path)
    else if (real.address.kind === 'tcp') Object.assign(real.address, { port: (server.address() as AddressInfo).port })
    return real.address
  }

  /** Stops accepting, waits for what runs, then cuts. @returns true when nothing had to be cut */
  async drain(limit: Millis): Promise<boolean> {
    this.#draining = true
    await this.#takeIn(limit)
    // Not `close` of node:http: it cuts off answers that are written and not yet sent.
    const closed = this.#servers.map(server => new Promise(resolve => NetServer.prototype.close.call(server, resolve)))
    for (const connection of this.#http2) connection.drain()
    const retiring = afterGrace(() => this.#retire(), limit)
    const quiet = Promise.all([...closed, this.#allGone()]).then(() => true)
    const timer = new Promise<false>(resolve => setTimeout(() => resolve(false), limit).unref())
    const clean = await Promise.race([quiet, timer])
    clearTimeout(retiring)
    this.#context.overload.stop()
    for (const socket of this.#clients) socket.destroy()
    // Ends its timer.
    for (const server of this.#servers) server.close()
    return clean
  }

  /** Some more are taken than are served, to be told so; what comes still is closed without a word. */
  #limit(server: Server): void {
    const { connections } = this.#context.rules().config.limits
    const { served, accepted } = connectionLimits(connections, openFilesLimit())
    this.#most = served
    server.maxConnections = accepted
  }

  /** Once is enough: it is the same for each. */
  #tellLimit(): void {
    const configured = this.#context.rules().config.limits.connections
    if (this.#most === configured || this.#servers.length > 0) return
    this.#logger.info({ taken: this.#most, configured }, 'open files allow fewer connections than limits.connections')
  }

  #watch(socket: Socket): void {
    // A socket comes by again when another lane hands it back.
    if (this.#clients.has(socket)) return
    const connection = clientConnection(socket)
    const isInner = connection.tunnel !== undefined
    this.#clients.add(socket)
    this.#accepted++
    if (!isInner) connection.surplus = ++this.#taken > this.#most
    this.#context.overload.watch(this.#look)
    // TLS inside a tunnel may be ready only now.
    if (this.#draining) afterGrace(() => connection.retire()).unref()
    socket.once('close', () => {
      this.#clients.delete(socket)
      if (!isInner) this.#taken--
      if (this.#clients.size === 0) this.#context.overload.stop()
    })
  }

  /** Connections that nobody used since the last look make room, the oldest first. */
  readonly #look = (isStrained: boolean): void => {
    let left = isStrained ? this.#clients.size : this.#taken - Math.floor(this.#most * CROWDED)
    if (isStrained) this.#context.services.upstreams.clear()
    for (const socket of left > 0 ? this.#clients : []) {
      const connection = clientConnection(socket)
      if (!connection.isIdle()) continue
      connection.retire()
      if (--left === 0) return
    }
  }

  /**
   * Requests that were sent before may be of connections that are not accepted yet: with the listening socket they would
   * be reset. One is accepted in each turn of the event loop, the oldest first.
   */
  async #takeIn(limit: Millis): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, Math.min(ON_ITS_WAY, limit)))
    let known = this.#accepted
    for (let turn = 0, quiet = 0; turn < BACKLOG && quiet < QUIET_TURNS; turn++) {
      await new Promise(resolve => setImmediate(resolve))
      quiet = this.#accepted === known ? quiet + 1 : 0
      known = this.#accepted
    }
  }

  #retire(): void {
    for (const socket of this.#clients) clientConnection(socket).retire()
  }

  #allGone(): Promise<unknown> {
    return Promise.all([...this.#clients].map(socket => new Promise(resolve => socket.once('close', resolve))))
  }
}

/** Whoever answers there already is somebody else. @throws BindError */
export async function clearWay(address: ListenAddress): Promise<void> {
  if (address.kind === 'unix' && !(await makeWay(address.path)))
    throw new BindError(`unix:${address.path} is taken: another mulligan answers on it`)
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(bindError(error, address)))
    const place = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
    server.listen({ ...place, backlog: BACKLOG }, resolve)
  })
}

function bindError(error: NodeJS.ErrnoException, address: ListenAddress): BindError {
  const where = address.kind === 'unix' ? `unix:${address.path}` : formatAuthority(address)
  if (error.code === 'EADDRINUSE' && address.kind === 'tcp') {
    const look = `ss -ltnp 'sport = :${address.port}'`
    return new BindError(
      `${where} is taken: another mulligan? See who listens with: ${look}; or choose another with --listen`,
    )
  }
  if (error.code === 'EACCES')
    return new BindError(`${where} may not be bound by this user: ports below 1024 need a privilege`)
  return new BindError(`${where} cannot be bound: ${error.code ?? error.message}`)
}
