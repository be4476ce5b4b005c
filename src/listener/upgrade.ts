import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Fields, fieldTokens, fieldValue } from '../http/fields.js'
import { admit, type Door } from './admission.js'
import { clientConnection } from './client-connection.js'
import { serveRequest } from './serve-request.js'
import type { ListenerContext } from './server.js'
import { SocketAnswer } from './socket-lane.js'

/**
 * Requests that ask for another protocol. They run through the one attempt loop, so a failed handshake is repeated like
 * any GET; after a 101 only bytes pass (FP-18).
 */
export class UpgradeLane {
  readonly #context: ListenerContext
  readonly #door: Door
  readonly #server: Server

  constructor(context: ListenerContext, door: Door, server: Server) {
    this.#context = context
    this.#door = door
    this.#server = server
  }

  accept(request: IncomingMessage, socket: Socket, early: Buffer): void {
    const protocol = fieldValue(request.rawHeaders, 'upgrade') ?? ''
    // HTTP/2 in clear is offered by some clients with every request; an offer may be passed over (RFC 9110 §7.8).
    if (/^h2c?$/i.test(protocol) || !fieldTokens(request.rawHeaders, 'connection').includes('upgrade')) {
      return clientConnection(socket).enqueue(() => this.#serveWithout(request, socket, early))
    }
    clientConnection(socket).enqueue(() => this.#handle(request, socket, early, protocol))
  }

  #handle(request: IncomingMessage, socket: Socket, early: Buffer, protocol: string): void {
    const { services } = this.#context
    const connection = clientConnection(socket)
    const admission = admit(request, connection, this.#door, this.#context, protocol)
    const answer = new SocketAnswer(socket, early, {
      onDrain: () => connection.exchange?.onClientDrain(),
      onDone: () => connection.refuseRest(),
    })
    serveRequest(admission, request, undefined, answer, connection, services)
  }

  /** Hands the same request back to the parser without its offer. */
  #serveWithout(request: IncomingMessage, socket: Socket, early: Buffer): void {
    const head = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n${withoutOffer(request.rawHeaders)}\r\n`
    socket.unshift(Buffer.concat([Buffer.from(head, 'latin1'), early]))
    clientConnection(socket).awaitSpeech()
    this.#server.emit('connection', socket)
    socket.resume()
  }
}

function withoutOffer(fields: Fields): string {
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue
    if (/^connection$/i.test(name)) {
      const rest = value.split(',').filter(token => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(token))
      if (rest.length > 0) lines += `${name}: ${rest.join(',')}\r\n`
    } else lines += `${name}: ${value}\r\n`
  }
  return lines
}
