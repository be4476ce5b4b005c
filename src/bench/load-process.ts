import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { openConnection, type Way } from './load-connection.js'
import { obeyOrders } from './load-orders.js'
import { bodyLength, MessageReader } from './message-reader.js'
import type { KeyUse, TlsWay } from './suite.js'
import { KEY_NUMBER, requestBytes, type Workload } from './workloads.js'

/**
 * One measurement, as the parent asks for it. The load says `ready` when every lane has had an answer, so that what
 * stands for long is not counted, and begins at `go`.
 */
export type LoadOrder = {
  readonly workload: Workload
  readonly port: number
  readonly tls: TlsWay | undefined
  readonly key: KeyUse | undefined
  readonly target: string
  readonly host: string
  readonly lanes: number
  readonly seconds: number
}

/** @property failure the first error */
export type LoadResult = {
  readonly requests: number
  readonly errors: number
  readonly failure: string | undefined
  readonly seconds: number
  /** What the middle request took, in microseconds. */
  readonly medianMicros: number
  /** What only one request of a hundred exceeded. */
  readonly p99Micros: number
}

/** Every new key of this process is another one. */
let keys = 0

/** A closed loop: every lane sends its next request when the answer is complete. */
class Load {
  readonly #order: LoadOrder
  readonly #bytes: Buffer
  /** Where the number of the key stands, if each request has another. */
  readonly #keyAt: number | undefined
  readonly #way: Way
  /** Kept connections, and lanes that begin with a new one. */
  #idle: (Socket | undefined)[] = []
  readonly #open = new Set<Socket>()
  #busy = 0
  #requests = 0
  readonly #sentAt = new WeakMap<Socket, number>()
  /** The last head that was found to be good: most are the same. */
  #goodHead = ''
  #took: number[] = []
  #errors = 0
  #failure: string | undefined
  #running = false
  /** Called when the last lane is idle. */
  #onIdle: () => void = () => undefined

  constructor(order: LoadOrder) {
    const { port, tls, lanes } = order
    this.#order = order
    this.#bytes = requestBytes(order.workload, order.target, order.host, order.key !== undefined)
    this.#keyAt = order.key === 'new' ? this.#bytes.indexOf(KEY_NUMBER) : undefined
    this.#way = {
      port,
      tunnel: tls?.tunnel,
      secureContext: tls && createSecureContext({ ca: readFileSync(tls.roots) }),
      ...(tls?.name === undefined ? {} : { name: tls.name }),
    }
    this.#idle = Array.from({ length: lanes }, () => undefined)
  }

  /** One request on every lane. */
  prepare(): Promise<void> {
    return this.#wave()
  }

  /** Requests for as long as was ordered; those that are under way then are waited for. */
  async run(): Promise<LoadResult> {
    this.#requests = 0
    this.#took = []
    this.#running = true
    const startedAt = performance.now()
    setTimeout(() => {
      this.#running = false
    }, this.#order.seconds * 1_000)
    await this.#wave()
    const seconds = (performance.now() - startedAt) / 1_000
    const took = this.#took.sort((a, b) => a - b)
    const micros = (share: number) => (took[Math.floor(took.length * share)] ?? 0) * 1_000
    const counts = { requests: this.#requests, errors: this.#errors, failure: this.#failure }
    return { ...counts, seconds, medianMicros: micros(0.5), p99Micros: micros(0.99) }
  }

  close(): void {
    const open = [...this.#open]
    this.#open.clear()
    for (const socket of open) socket.destroy()
  }

  #wave(): Promise<void> {
    return new Promise(resolve => {
      this.#onIdle = resolve
      const lanes = this.#idle
      this.#idle = []
      this.#busy = lanes.length
      for (const socket of lanes) this.#next(socket)
      if (lanes.length === 0) resolve()
    })
  }

  #next(socket: Socket | undefined): void {
    if (socket !== undefined) this.#send(socket)
    else
      openConnection(this.#way).then(
        opened => this.#begin(opened),
        error => this.#failed(error),
      )
  }

  #begin(socket: Socket): void {
    this.#open.add(socket)
    const fail = (error: unknown) => {
      if (this.#open.delete(socket)) this.#lost(socket, error)
      socket.destroy()
    }
    const reader = new MessageReader(head => this.#answered(socket, head))
    socket.on('data', chunk => {
      try {
        reader.feed(chunk)
      } catch (error) {
        fail(error)
      }
    })
    socket.on('error', fail).on('close', () => fail('a connection was closed'))
    this.#send(socket)
  }

  #send(socket: Socket): void {
    this.#sentAt.set(socket, performance.now())
    if (this.#keyAt === undefined) socket.write(this.#bytes)
    else socket.write(this.#numbered(this.#keyAt))
  }

  /** A copy: what a socket has not sent yet must not change. */
  #numbered(at: number): Buffer {
    const bytes = Buffer.from(this.#bytes)
    bytes.write(String(keys++).padStart(KEY_NUMBER.length, '0'), at)
    return bytes
  }

  #answered(socket: Socket, head: string): void {
    this.#requests++
    this.#took.push(performance.now() - (this.#sentAt.get(socket) ?? 0))
    if (head !== this.#goodHead) this.#check(head)
    const isKept = this.#order.workload.renewed === undefined
    if (!isKept) {
      this.#open.delete(socket)
      socket.end()
    }
    const next = isKept ? socket : undefined
    if (this.#running) return this.#next(next)
    this.#idle.push(next)
    this.#rest()
  }

  /** Anything but the upstream's answer, whole, is not what was to be measured. */
  #check(head: string): void {
    if (/^HTTP\/1\.[01] 200 /.test(head) && bodyLength(head) === this.#order.workload.receive) this.#goodHead = head
    else this.#fault(head)
  }

  /** A connection that was idle ends nothing that is waited for. */
  #lost(socket: Socket, error: unknown): void {
    const at = this.#idle.indexOf(socket)
    if (at < 0) return this.#failed(error)
    this.#idle.splice(at, 1)
    this.#fault(String(error))
  }

  /** Ends a lane. */
  #failed(error: unknown): void {
    this.#fault(String(error))
    this.#rest()
  }

  #fault(what: string): void {
    this.#errors++
    this.#failure ??= what
  }

  #rest(): void {
    if (--this.#busy === 0) this.#onIdle()
  }
}

obeyOrders(order => new Load(order))
