import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Route } from '../config/config.js'
import { fieldValues } from '../http/fields.js'
import { checkRequest } from '../http/request-fields.js'
import { parseTarget } from '../http/request-target.js'
import { viaValue } from '../http/via.js'
import type { Door } from './admission.js'
import { clientConnection, type TunnelTarget, tunnelTarget } from './client-connection.js'
import { parseConnectHead } from './connect-head.js'
import type { Http2Lane } from './http2-lane.js'
import type { Incoming } from './incoming.js'
import { Interception } from './interception.js'
import { giveRefusal } from './own-answer.js'
import { clientRefusal, loopRefusal, type RefusalReason, refusal } from './refusal.js'
import { type Rules, UNMATCHED } from './rules.js'
import type { ListenerContext } from './server.js'
import { SocketAnswer } from './socket-lane.js'
import type { TlsEnd } from './tls-end.js'
import { type ConnectTarget, Tunnel } from './tunnel.js'

type Admitted = { readonly target: ConnectTarget; readonly route: Route }

const NOTHING = Buffer.alloc(0)

/** CONNECT requests: refused, made into a tunnel, or ended here. */
export class ConnectLane {
  readonly #context: ListenerContext
  readonly #door: Door
  readonly #server: Server
  readonly #http2: Http2Lane

  constructor(context: ListenerContext, door: Door, server: Server, http2: Http2Lane) {
    this.#context = context
    this.#door = door
    this.#server = server
    this.#http2 = http2
  }

  /** @param read of a connection that nobody else reads @returns whether that is a plain CONNECT, which is served then */
  takes(client: Socket, read: Buffer): boolean {
    const head = parseConnectHead(read, this.#context.rules().config.limits.header_bytes)
    if (head === undefined) return false
    // Whoever takes it up from here says so; the stream reads on, to hear when the client leaves.
    Readable.prototype.pause.call(client)
    const { target, fields, end } = head
    const request = { method: 'CONNECT', url: target, httpVersion: '1.1', rawHeaders: fields, socket: client }
    this.accept(request, client, read.subarray(end))
    return true
  }

  accept(request: Incoming, client: Socket, early: Buffer): void {
    clientConnection(client).enqueue(() => this.#handle(request, client, early))
  }

  #handle(request: Incoming, client: Socket, early: Buffer): void {
    const { services, rules } = this.#context
    const admitted = this.#admit(request, client, rules())
    if ('code' in admitted) {
      return giveRefusal(new SocketAnswer(client, early), admitted, request, services)
    }
    const { target, route } = admitted
    const end = rules().intercepts(target.host, target.port) ? this.#context.tlsEnd() : undefined
    if (end !== undefined) this.#intercept(target, route, client, early, end)
    else this.#tunnel(target, route, client, early, false)
  }

  #admit(request: Incoming, client: Socket, { routes, access, config }: Rules): Admitted | RefusalReason {
    const { services, overload } = this.#context
    const overloaded = overload.refuses(clientConnection(client).surplus, services.running)
    if (overloaded !== undefined) return overloaded
    const { url = '' } = request
    const checked = checkRequest(request.rawHeaders, 'CONNECT', request.httpVersion)
    if ('refuse' in checked)
      return refusal(checked.status === 431 ? 'headers_too_large' : 'bad_request', checked.refuse)
    const target = parseTarget('CONNECT', url)
    if (target?.form !== 'authority') return refusal('bad_request', 'CONNECT needs host:port (RFC 9110 §9.3.6)')
    if (!this.#door.forward) return refusal('not_a_relay', 'this listener serves mounts only')
    if (clientConnection(client).tunnel !== undefined) return refusal('bad_request', 'a tunnel inside a tunnel')
    const denied = loopRefusal(request, services.pseudonym) ?? clientRefusal(request, access, this.#door.address, true)
    if (denied !== undefined) return denied
    const { host, port } = target
    const route = routes.findOfOrigin('https', host, port) ?? routes.findOfOrigin('http', host, port)
    if (route === undefined && config.egress.unmatched === 'deny') {
      return refusal('destination_denied', `no route allows ${target.authority} (egress.unmatched is deny)`)
    }
    const own = viaValue(services.pseudonym, checked.version)
    return { target: { ...target, via: [...fieldValues(request.rawHeaders, 'via'), own] }, route: route ?? UNMATCHED }
  }

  #tunnel(target: ConnectTarget, route: Route, client: Socket, early: Buffer, answered: boolean): void {
    const { services, rules } = this.#context
    const { host, port } = target
    new Tunnel(services, target, route, client, early, {
      answered,
      isRouted: () => rules().routes.findOfOrigin('http', host, port) !== undefined,
      serveHttp: () => this.#serveHttp(client, tunnelTarget('http', target, undefined)),
    }).open()
  }

  #intercept(target: ConnectTarget, route: Route, client: Socket, early: Buffer, end: TlsEnd): void {
    new Interception(this.#context.services, end, target, route.name, client, {
      serveHttp1: (socket, pinned) => this.#serveHttp(socket, pinned),
      serveHttp2: (socket, pinned) => this.#http2.serve(socket, pinned),
      passOn: () => this.#tunnel(target, route, client, NOTHING, true),
    }).open(early)
  }

  /** The parser takes the socket back, or one inside it, pinned to the tunnel's target (F3). */
  #serveHttp(socket: Socket, target: TunnelTarget): void {
    const connection = clientConnection(socket)
    connection.tunnel = target
    connection.awaitSpeech()
    this.#server.emit('connection', socket)
    socket.resume()
  }
}
