import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { UPSTREAM_CERTIFICATE } from '../intercepted.js'
import { RequestReader } from './request-reader.js'

/** One request as it arrived. */
export type Arrival = {
  readonly method: string
  readonly path: string
  readonly head: string
  readonly header: (name: string) => string | undefined
  /** 1 for the first request of its connection. */
  readonly onConnection: number
  /** Decoded, once it is here to its last byte. */
  body: Buffer | undefined
}

/** An arrival while it is dealt with. */
export type Turn = {
  readonly arrival: Arrival
  /** Which attempt of its request it is, from 1. */
  readonly n: number
  readonly socket: Socket
  /** Resolves when the request is here to its last byte, or with undefined when it never will be. */
  readonly body: () => Promise<Buffer | undefined>
  /** Resolves when so many bytes of the body, as framed, are here, or all there are. */
  readonly some: (bytes: number) => Promise<void>
  /** With a TCP reset, below TLS too. */
  readonly reset: () => void
}

/** What an origin does with a request. It reads the body, or ends the connection. */
export type Play = (turn: Turn) => unknown

export type ScriptedOrigin = {
  readonly http: number
  readonly https: number
  /** What to do with requests whose path ends in `/ID`. */
  readonly expect: (id: string, play: Play) => readonly Arrival[]
  readonly forget: (id: string) => void
  /** Requests that nobody expected, and bytes that are none. */
  readonly strays: readonly string[]
  readonly open: () => number
  /** Ends every connection that is open. */
  readonly hangUp: () => void
}

type Entry = { readonly play: Play; readonly arrivals: Arrival[] }

/** An origin that deals with each request by its own script, over HTTP and HTTPS, and reads strictly. */
export async function startScriptedOrigin(t: Test): Promise<ScriptedOrigin> {
  const entries = new Map<string, Entry>()
  const strays: string[] = []
  const open = new Set<Socket>()
  const tcpOf = new Map<number | undefined, Socket>()
  const accept = (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    void serve(socket, tcpOf.get(socket.remotePort) ?? socket, entries, strays)
  }
  const plain = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  const secure = createTlsServer({ ...UPSTREAM_CERTIFICATE, noDelay: true } as object, (socket: TLSSocket) =>
    accept(socket),
  )
  secure.on('connection', tcp => {
    const { remotePort } = tcp
    tcpOf.set(remotePort, tcp)
    tcp.on('close', () => tcpOf.delete(remotePort)).on('error', () => undefined)
  })
  for (const server of [plain, secure]) await once(server.listen(0, '127.0.0.1'), 'listening')
  const hangUp = () => {
    for (const socket of open) socket.destroy()
  }
  t.teardown(() => {
    hangUp()
    plain.close()
    secure.close()
  })
  return {
    http: (plain.address() as AddressInfo).port,
    https: (secure.address() as AddressInfo).port,
    expect: (id, play) => {
      const entry = { play, arrivals: [] }
      entries.set(id, entry)
      return entry.arrivals
    },
    forget: id => entries.delete(id),
    strays,
    open: () => open.size,
    hangUp,
  }
}

/** One connection, request by request. */
async function serve(socket: Socket, tcp: Socket, entries: Map<string, Entry>, strays: string[]): Promise<void> {
  const reader = new RequestReader(socket)
  for (let onConnection = 1; ; onConnection++) {
    const head = await reader.head()
    if (head === undefined) {
      if (reader.rest > 0) strays.push(`${reader.rest} bytes that are no request`)
      return void socket.end()
    }
    const arrival = { ...head, onConnection, body: undefined } as Arrival
    const entry = entries.get(/([^/?]*)(?:\?.*)?$/.exec(arrival.path)?.[1] ?? '')
    if (entry === undefined) {
      strays.push(`${arrival.method} ${arrival.path}`)
      return void socket.destroy()
    }
    entry.arrivals.push(arrival)
    const body = async () => {
      arrival.body ??= await reader.body(arrival)
      return arrival.body
    }
    const reset = () => {
      if (!tcp.destroyed) tcp.resetAndDestroy()
      socket.destroy()
    }
    await entry.play({
      arrival,
      n: entry.arrivals.length,
      socket,
      body,
      some: count => reader.some(count, arrival),
      reset,
    })
    // What the script did not read must not pass for the next request.
    if (socket.destroyed || (await body()) === undefined) return
    if (reader.flaw !== undefined) strays.push(`${arrival.path}: ${reader.flaw}`)
  }
}
