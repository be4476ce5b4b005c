import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Services } from '../exchange/services.js'
import { fieldTokens } from '../http/fields.js'
import { type Admission, admit, type Door } from './admission.js'
import { type ClientConnection, clientConnection, type Turn } from './client-connection.js'
import { ConnectLane } from './connect.js'
import { FastLane, type HandOver } from './fast-lane.js'
import { NodeAnswer, NodeBody } from './http-lane.js'
import type { Http2Connections } from './http2-connection.js'
import { Http2Lane } from './http2-lane.js'
import type { Overload } from './overload.js'
import { bugAnswer, reportBug } from './own-answer.js'
import { refuseUnparsed } from './parse-error.js'
import type { Rules } from './rules.js'
import { serveRequest } from './serve-request.js'
import type { TlsEnd } from './tls-end.js'
import { UpgradeLane } from './upgrade.js'

/** What a listener needs beside the exchanges' own services. */
export type ListenerContext = {
  readonly services: Services
  /** The rules in force for the next request. */
  readonly rules: () => Rules
  /** Shutting down: every answer closes its connection. */
  readonly draining: () => boolean
  readonly overload: Overload
  /** The connection of an answer that begins now is not kept. */
  readonly closes: () => boolean
  /** Undefined while nothing is intercepted. */
  readonly tlsEnd: () => TlsEnd | undefined
}

/** Limits that hold before anything is known of a request (F6). */
const HEAD_TIMEOUT = 10_000
const KEEP_ALIVE = 65_000
const CHECK_EVERY = 1_000
const WRITE_BUFFER = 262_144

/**
 * A hardened `node:http` server: the net for every legal form of HTTP/1.1, however odd.
 * @param http2 where the client connections that speak HTTP/2 are kept
 */
export function createListener(context: ListenerContext, door: Door, http2: Http2Connections): Server {
  const { limits, listen } = context.rules().config
  const server = createServer({
    maxHeaderSize: limits.header_bytes,
    headersTimeout: HEAD_TIMEOUT,
    // A long upload is watched by the exchange's own deadlines.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE,
    connectionsCheckingInterval: CHECK_EVERY,
    highWaterMark: WRITE_BUFFER,
    noDelay: true,
    requireHostHeader: false,
    insecureHTTPParser: false,
  })
  // A limit here would hide framing fields behind it while the parser still obeys them; `checkRequest` refuses by count.
  server.maxHeadersCount = 0
  const lane = new HttpLane(context, door)
  const upgrades = new UpgradeLane(context, door, server)
  const tunnels = new ConnectLane(context, door, server, new Http2Lane(context, door, http2))
  const accept = (request: IncomingMessage, response: ServerResponse) => lane.accept(request, response)
  server.on('connection', clientConnection)
  if (listen.fast_lane) {
    const fast = new FastLane(context, door, takeOver(server, tunnels), {
      headSeconds: HEAD_TIMEOUT / 1_000,
      idleSeconds: KEEP_ALIVE / 1_000,
    })
    server.on('connection', socket => fast.accept(socket))
  }
  server.on('request', accept)
  server.on('checkContinue', accept)
  server.on('checkExpectation', accept)
  server.on('upgrade', (request, socket, early) => upgrades.accept(request, socket as Socket, early))
  server.on('connect', (request, socket, early) => tunnels.accept(request, socket as Socket, early))
  server.on('clientError', (error, socket) => refuseUnparsed(error, socket as Socket, context.services))
  return server
}

/** Connections come to us first. @returns how `node:http` gets one after all, unless a CONNECT is next on it */
function takeOver(server: Server, tunnels: ConnectLane): HandOver {
  const serve = server.listeners('connection')[0] as (this: Server, socket: Socket) => void
  server.removeListener('connection', serve)
  return (socket, rest) => {
    if (tunnels.takes(socket, rest)) return
    if (rest.length > 0) socket.unshift(rest)
    serve.call(server, socket)
    socket.resume()
  }
}

class HttpLane {
  readonly #context: ListenerContext
  readonly #door: Door

  constructor(context: ListenerContext, door: Door) {
    this.#context = context
    this.#door = door
  }

  accept(request: IncomingMessage, response: ServerResponse): void {
    const connection = clientConnection(request.socket)
    connection.enqueue(
      () => {
        try {
          this.#handle(connection, request, response)
        } catch (error) {
          this.#bug(error, connection, response)
        }
      },
      turnOf(request, response),
    )
  }

  /** A bug ends its exchange, not the process. */
  #bug(error: unknown, connection: ClientConnection, response: ServerResponse): void {
    reportBug(error)
    connection.refuseRest()
    if (response.headersSent) {
      connection.socket.destroy()
      return
    }
    const own = bugAnswer(this.#context.services)
    response.writeHead(own.status, own.reason, [...own.fields, 'Connection', 'close']).end(own.body)
  }

  #handle(connection: ClientConnection, request: IncomingMessage, response: ServerResponse): void {
    const { services } = this.#context
    if (request.httpVersionMinor === 0 && asksToClose(request)) connection.refuseRest()
    const admission = admit(request, connection, this.#door, this.#context, undefined)
    const body = bodyOf(admission, request, response)
    const mount = admission.kind === 'go' ? admission.mount : undefined
    const answer = new NodeAnswer(request, response, body, connection, mount, this.#context.closes)
    serveRequest(admission, request, body, answer, connection, services)
  }
}

const turnOf = (request: IncomingMessage, response: ServerResponse): Turn => ({
  isWhole: () => request.complete,
  onSent: then => void response.once('finish', then),
})

/** RFC 9112 §9.3: `close` goes first. In HTTP/1.0 Node's parser lets a `keep-alive` beside it win. */
const asksToClose = ({ rawHeaders }: IncomingMessage): boolean =>
  fieldTokens(rawHeaders, 'connection').includes('close')

function bodyOf(admission: Admission, request: IncomingMessage, response: ServerResponse): NodeBody | undefined {
  if (admission.kind !== 'go') return new NodeBody(request, response, request.headers.expect !== undefined)
  const { framing, expect } = admission.head
  return framing.kind === 'none' ? undefined : new NodeBody(request, response, expect)
}
