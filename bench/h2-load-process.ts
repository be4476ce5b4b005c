import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { createSecureContext } from 'node:tls'
import { openConnection } from '../src/bench/load-connection.js'
import { obeyOrders } from '../src/bench/load-orders.js'
import type { LoadOrder, LoadResult } from '../src/bench/load-process.js'

/** Lanes that share a connection. */
const STREAMS = 8

/** The same closed loop as that of HTTP/1.1, with some lanes on each connection, as HTTP/2 is used. */
class Http2Load {
  readonly #order: LoadOrder
  readonly #sessions: ClientHttp2Session[] = []
  #took: number[] = []
  #errors = 0
  #failure: string | undefined

  constructor(order: LoadOrder) {
    this.#order = order
  }

  /** Every connection is made, and every lane has had an answer. */
  async prepare(): Promise<void> {
    const { port, tls, lanes, host } = this.#order
    const secureContext = createSecureContext(tls ? { ca: readFileSync(tls.roots) } : {})
    for (let i = 0; i < lanes / STREAMS; i++) {
      const name = tls?.name ?? '127.0.0.1'
      const socket = await openConnection({ port, tunnel: tls?.tunnel, secureContext, name, protocol: 'h2' })
      const session = connect(`https://${host}`, { createConnection: () => socket })
      session.on('error', error => this.#fault(String(error)))
      this.#sessions.push(session)
    }
    await this.#lanes(() => false)
  }

  async run(): Promise<LoadResult> {
    this.#took = []
    const startedAt = performance.now()
    const dueAt = startedAt + this.#order.seconds * 1_000
    await this.#lanes(() => performance.now() < dueAt)
    const seconds = (performance.now() - startedAt) / 1_000
    const took = this.#took.sort((a, b) => a - b)
    const micros = (share: number) => (took[Math.floor(took.length * share)] ?? 0) * 1_000
    const counts = { requests: took.length, errors: this.#errors, failure: this.#failure }
    return { ...counts, seconds, medianMicros: micros(0.5), p99Micros: micros(0.99) }
  }

  close(): void {
    for (const session of this.#sessions) session.destroy()
  }

  /** One request on every lane, and more for as long as that is wanted. */
  async #lanes(goesOn: () => boolean): Promise<void> {
    const lanes = Array.from({ length: this.#order.lanes }, async (_, i) => {
      const session = this.#sessions[i % this.#sessions.length]
      if (session === undefined) return
      do {
        const sentAt = performance.now()
        await this.#request(session).then(
          () => this.#took.push(performance.now() - sentAt),
          (error: unknown) => this.#fault(String(error)),
        )
      } while (this.#errors === 0 && goesOn())
    })
    await Promise.all(lanes)
  }

  /** @throws unless the upstream's answer comes back, whole */
  #request(session: ClientHttp2Session): Promise<void> {
    const { workload, target } = this.#order
    const fields: OutgoingHttpHeaders = {
      ':method': workload.method,
      ':path': target,
      'user-agent': 'mulligan-bench',
      accept: '*/*',
      'accept-encoding': 'gzip, deflate',
      authorization: 'Bearer 0123456789abcdef0123456789abcdef',
    }
    return new Promise((resolve, reject) => {
      let head: IncomingHttpHeaders = {}
      let left = workload.receive
      const stream = session.request(fields, { endStream: true })
      stream.on('response', found => (head = found))
      stream.on('data', (chunk: Buffer) => (left -= chunk.length))
      stream.on('error', reject)
      stream.on('end', () => {
        if (Number(head[':status']) === 200 && left === 0) resolve()
        else reject(new Error(`answered ${head[':status']}, ${left} bytes short`))
      })
    })
  }

  #fault(what: string): void {
    this.#errors++
    this.#failure ??= what
  }
}

obeyOrders(order => new Http2Load(order))
