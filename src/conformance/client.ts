import { once } from 'node:events'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { proxyAuthorization, tunnel } from './tunnel.js'

export type Call = {
  readonly method: string
  /** Path and query, as they are sent. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
}

/** An answer, and when it came; times are monotonic milliseconds. */
export type Reply = {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
  readonly startedAt: number
  /** The last byte of the request was with the system. */
  readonly sentAt: number
  /** The head of the answer was here. */
  readonly answeredAt: number
}

/** There is no answer: no connection, a reset, a time-out. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export type ClientOptions = {
  /** Origin and base path. */
  readonly target: string
  /** A proxy to go through; the environment is never asked. */
  readonly proxy: string | undefined
  readonly timeout: Millis
  readonly clock: Clock
}

/** More than this of an answer says nothing about idempotency, in bytes. */
const LONGEST_BODY = 4 * 1_048_576

/**
 * Plain HTTP/1.1, each request on a connection of its own unless told otherwise: nothing repeats, follows or decodes, so
 * that what the target sees is what a phase meant.
 */
export class Client {
  readonly #options: ClientOptions
  readonly #base: URL
  readonly #kept: HttpAgent | HttpsAgent

  constructor(options: ClientOptions) {
    this.#options = options
    this.#base = new URL(options.target)
    const Agent = this.#base.protocol === 'https:' ? HttpsAgent : HttpAgent
    this.#kept = new Agent({ keepAlive: true })
  }

  /** Sends a request and reads its answer. @param kept on a connection that earlier ones may have used @throws NoAnswer */
  async send(call: Call, kept = false): Promise<Reply> {
    const startedAt = this.#options.clock.monotonic()
    try {
      return await this.#exchange(call, kept, startedAt)
    } catch (error) {
      // A kept connection may end in the moment of its use: the server has seen nothing, or the key tells it the rest.
      if (kept && error instanceof ReusedReset) return this.#exchange(call, false, startedAt)
      throw error
    }
  }

  /** Sends requests at once: each has its connection before any of them goes out. @throws NoAnswer */
  sendTogether(calls: readonly Call[]): Promise<Reply[]> {
    const gate = createGate(calls.length)
    const startedAt = this.#options.clock.monotonic()
    return Promise.all(calls.map(call => this.#exchange(call, false, startedAt, gate).finally(gate)))
  }

  /** Sends a whole request and cuts the connection before its answer is read. @throws NoAnswer when it could not be sent */
  async cut(call: Call): Promise<void> {
    const request = await this.#open(call, false)
    await new Promise<void>((resolve, reject) => {
      request.once('error', error => reject(this.#noAnswer(error)))
      request.once('finish', () => {
        request.removeAllListeners('error').on('error', () => undefined)
        request.once('close', resolve)
        request.destroy()
      })
      request.end(call.body)
    })
  }

  /** Ends the kept connections. */
  close(): void {
    this.#kept.destroy()
  }

  async #exchange(call: Call, kept: boolean, startedAt: number, gate?: Gate): Promise<Reply> {
    const { clock, timeout } = this.#options
    const request = await this.#open(call, kept)
    const cancel = clock.schedule(timeout, () => request.destroy(new Error('timeout')))
    try {
      return await new Promise<Reply>((resolve, reject) => {
        let sentAt = startedAt
        const fail = (error: Error) => {
          const reset = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
          reject(reset ? new ReusedReset() : this.#noAnswer(error))
        }
        request.once('finish', () => {
          sentAt = clock.monotonic()
        })
        request.on('error', fail)
        request.once('response', response => {
          const answeredAt = clock.monotonic()
          readAll(response).then(
            body => resolve({ ...replyOf(response, body), startedAt, sentAt, answeredAt }),
            (error: Error) => reject(this.#noAnswer(error)),
          )
        })
        if (gate === undefined) request.end(call.body)
        else
          request.once('socket', socket => {
            connected(socket)
              .then(gate)
              .then(() => request.end(call.body), fail)
          })
      })
    } finally {
      cancel()
    }
  }

  async #open({ method, path, headers, body }: Call, kept: boolean): Promise<ClientRequest> {
    const { proxy } = this.#options
    const { protocol, hostname, port, host, pathname } = this.#base
    const full = `${pathname.replace(/\/$/, '')}${path}`
    const length = body === undefined ? {} : { 'Content-Length': String(body.length) }
    const agent = kept ? this.#kept : false
    const common = { method, headers: { Host: host, ...headers, ...length } }
    const bare = hostname.replace(/^\[|\]$/g, '')
    if (protocol === 'https:') {
      const through = proxy === undefined ? undefined : await this.#tunnel(proxy, bare, Number(port || 443))
      // Node takes the socket only where no agent is named.
      const way = through === undefined ? { agent } : { createConnection: () => through }
      return httpsRequest({ ...common, host: bare, port: port || 443, path: full, ...way })
    }
    if (proxy === undefined) return httpRequest({ ...common, agent, host: bare, port: port || 80, path: full })
    const next = new URL(proxy)
    const absolute = `${protocol}//${host}${full}`
    const fields = { ...common.headers, ...proxyAuthorization(next) }
    return httpRequest({
      ...common,
      agent,
      headers: fields,
      host: next.hostname,
      port: next.port || 80,
      path: absolute,
    })
  }

  async #tunnel(proxy: string, host: string, port: number) {
    try {
      return await tunnel(new URL(proxy), host, port, this.#options.timeout)
    } catch (error) {
      throw this.#noAnswer(error as Error)
    }
  }

  #noAnswer(error: Error): Error {
    // A bug of ours is none of the target's.
    if (error instanceof TypeError || error instanceof ReferenceError) return error
    const code = (error as NodeJS.ErrnoException).code ?? error.message
    return new NoAnswer(`${this.#base.origin} gave no answer: ${code === '' ? 'connection failed' : code}`)
  }
}

type Gate = () => Promise<void>

/** Opens when so many have come to it; whoever comes again is not counted on. */
function createGate(count: number): Gate {
  let open: () => void = () => undefined
  let missing = count
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return () => {
    if (--missing <= 0) open()
    return opened
  }
}

async function connected(socket: Socket): Promise<void> {
  if (socket.connecting) await once(socket, 'encrypted' in socket ? 'secureConnect' : 'connect')
}

/** A connection that had served before was reset. */
class ReusedReset extends Error {
  override readonly name = 'ReusedReset'
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LONGEST_BODY) throw new Error('an answer above 4 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function replyOf(response: IncomingMessage, body: Buffer) {
  const header = (name: string): string | undefined => {
    const value = response.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  return { status: response.statusCode ?? 0, header, body }
}
