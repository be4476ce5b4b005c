import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Logger } from 'pino'
import type { ListenAddress } from '../config/config.js'
import { formatAuthority } from '../http/authority.js'
import type { Millis } from '../time/units.js'
import type { Door } from './admission.js'
import type { Http2Connections } from './http2-connection.js'
import { createListener, type ListenerContext } from './server.js'

/** A listening address could not be had. The message says who to look for. */
export class BindError extends Error {
  override readonly name = 'BindError'
}

/** All listening sockets of the daemon and the client sockets behind them. */
export class Doors {
  readonly #context: ListenerContext
  readonly #logger: Logger
  readonly #servers: Server[] = []
  readonly #clients = new Set<Socket>()
  readonly #http2: Http2Connections = new Set()
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

  /** @returns the real address: port 0 is allowed. @throws BindError */
  async open(door: Door): Promise<ListenAddress> {
    const { address } = door
    if (address.kind === 'unix') await removeStale(address.path)
    const real = { ...door, address: { ...address } }
    const server = createListener(this.#context, real, this.#http2)
    server.on('connection', socket => this.#watch(socket))
    await listen(server, address)
    server.on('error', error => this.#logger.error({ error: error.message }, 'listener error'))
    this.#servers.push(server)
    // Only the owner may speak to a socket that has no credential.
    if (address.kind === 'unix') chmodSync(address.path, 0o600)
    else if (real.address.kind === 'tcp') Object.assign(real.address, { port: (server.address() as AddressInfo).port })
    return real.address
  }

  /** Stops accepting, waits for what runs, then cuts. @returns true when nothing had to be cut */
  async drain(limit: Millis): Promise<boolean> {
    this.#draining = true
    const closed = this.#servers.map(server => new Promise(resolve => server.close(resolve)))
    for (const server of this.#servers) server.closeIdleConnections()
    for (const connection of this.#http2) connection.drain()
    // Node counts a connection that has not said a word among the busy ones.
    for (const socket of this.#clients) if (socket.bytesRead === 0) socket.destroy()
    const quiet = Promise.all([...closed, this.#allGone()]).then(() => true)
    const timer = new Promise<false>(resolve => setTimeout(() => resolve(false), limit).unref())
    const clean = await Promise.race([quiet, timer])
    for (const socket of this.#clients) socket.destroy()
    return clean
  }

  #watch(socket: Socket): void {
    // A socket comes by again when another lane hands it back.
    if (this.#clients.has(socket)) return
    this.#clients.add(socket)
    socket.once('close', () => this.#clients.delete(socket))
  }

  #allGone(): Promise<unknown> {
    return Promise.all([...this.#clients].map(socket => new Promise(resolve => socket.once('close', resolve))))
  }
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(bindError(error, address)))
    server.listen(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
      resolve,
    )
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

/** A socket file that nobody answers on is left over from a crash; one that answers belongs to somebody. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return
  const answered = await new Promise<boolean>(resolve => {
    const probe = connect(path, () => resolve(true))
    probe.on('error', () => resolve(false))
    probe.on('connect', () => probe.destroy())
  })
  if (answered) throw new BindError(`unix:${path} is taken: another mulligan answers on it`)
  unlinkSync(path)
}
