import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Route } from '../config/config.js'
import { checkRequest } from '../http/request-fields.js'
import { parseTarget } from '../http/request-target.js'
import type { Door } from './admission.js'
import { clientConnection, type TunnelTarget } from './client-connection.js'
import { giveRefusal } from './own-answer.js'
import { clientRefusal, loopRefusal, type RefusalReason, refusal } from './refusal.js'
import { type Rules, UNMATCHED } from './rules.js'
import type { ListenerContext } from './server.js'
import { SocketAnswer } from './socket-lane.js'
import { Tunnel } from './tunnel.js'

type Admitted = { readonly target: TunnelTarget; readonly route: Route }

/** CONNECT requests: refused, or made into a tunnel. */
export class ConnectLane {
  readonly #context: ListenerContext
  readonly #door: Door
  readonly #server: Server

  constructor(context: ListenerContext, door: Door, server: Server) {
    this.#context = context
    this.#door = door
    this.#server = server
  }

  accept(request: IncomingMessage, client: Socket, early: Buffer): void {
    clientConnection(client).enqueue(() => this.#handle(request, client, early))
  }

  #handle(request: IncomingMessage, client: Socket, early: Buffer): void {
    const { services, rules } = this.#context
    const admitted = this.#admit(request, client, rules())
    if ('code' in admitted) {
      return giveRefusal(new SocketAnswer(client, early), admitted, request, services)
    }
    new Tunnel(services, admitted.target, admitted.route, client, early, {
      isRouted: () => rules().routes.matchesHost('http', admitted.target.host, admitted.target.port) !== undefined,
      serveHttp: () => this.#serveHttp(client, admitted.target),
    }).open()
  }

  #admit(request: IncomingMessage, client: Socket, { routes, access, config }: Rules): Admitted | RefusalReason {
    const { url = '' } = request
    const checked = checkRequest(request.rawHeaders, 'CONNECT', request.httpVersion)
    if ('refuse' in checked)
      return refusal(checked.status === 431 ? 'headers_too_large' : 'bad_request', checked.refuse)
    const target = parseTarget('CONNECT', url)
    if (target?.form !== 'authority') return refusal('bad_request', 'CONNECT needs host:port (RFC 9110 §9.3.6)')
    if (!this.#door.forward) return refusal('not_a_relay', 'this listener serves mounts only')
    if (clientConnection(client).tunnel !== undefined) return refusal('bad_request', 'a tunnel inside a tunnel')
    const denied = loopRefusal(request, this.#context.services.pseudonym) ?? clientRefusal(request, access, true)
    if (denied !== undefined) return denied
    const { host, port } = target
    const route = routes.matchesHost('https', host, port) ?? routes.matchesHost('http', host, port)
    if (route === undefined && config.egress.unmatched === 'deny') {
      return refusal('destination_denied', `no route allows ${target.authority} (egress.unmatched is deny)`)
    }
    return { target, route: route ?? UNMATCHED }
  }

  /** The tunnel carries plain HTTP: the parser takes the socket back, pinned to the tunnel's target (F3). */
  #serveHttp(client: Socket, target: TunnelTarget): void {
    const connection = clientConnection(client)
    connection.tunnel = target
    connection.done()
    this.#server.emit('connection', client)
    client.resume()
  }
}
