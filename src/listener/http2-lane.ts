import type { ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Exchange } from '../exchange/exchange.js'
import type { Fields } from '../http/fields.js'
import { translateHead } from '../http/http2-request.js'
import { admit, type Door } from './admission.js'
import type { TunnelTarget } from './client-connection.js'
import { Http2Connection, type Http2Connections } from './http2-connection.js'
import { Http2Answer, Http2Body } from './http2-stream.js'
import type { Incoming } from './incoming.js'
import { bugAnswer, giveOwn, giveRefusal, reportBug } from './own-answer.js'
import { refusal } from './refusal.js'
import type { ListenerContext } from './server.js'

/** HTTP/2 inside tunnels whose TLS ends here (F5): each stream is one exchange, many at once. */
export class Http2Lane {
  readonly #context: ListenerContext
  readonly #door: Door
  readonly #all: Http2Connections

  constructor(context: ListenerContext, door: Door, all: Http2Connections) {
    this.#context = context
    this.#door = door
    this.#all = all
  }

  /** @param socket its handshake is over, and ALPN chose `h2` */
  serve(socket: TLSSocket, target: TunnelTarget): void {
    const { services, rules, draining } = this.#context
    const { remoteAddress } = socket
    const handler = (stream: ServerHttp2Stream, raw: Fields) => this.#accept(stream, raw, target, remoteAddress)
    const headerBytes = rules().config.limits.header_bytes
    const connection = new Http2Connection(socket, services.clock, headerBytes, this.#all, handler)
    if (draining()) connection.drain()
  }

  #accept(stream: ServerHttp2Stream, raw: Fields, target: TunnelTarget, remoteAddress: string | undefined): void {
    const answer = new Http2Answer(stream)
    const { method, url, fields, size, refuse } = translateHead(raw, stream.endAfterHeaders)
    // In the terms of HTTP/1.1, which is what everything behind a lane understands.
    const request: Incoming = {
      method,
      url,
      httpVersion: '1.1',
      received: '2.0',
      rawHeaders: fields,
      socket: { remoteAddress },
    }
    const { services, rules } = this.#context
    const max = rules().config.limits.header_bytes
    try {
      if (size > max) giveRefusal(answer, refusal('headers_too_large', `over ${max} bytes`), request, services)
      else if (refuse !== undefined) giveRefusal(answer, refusal('bad_request', refuse), request, services)
      else this.#handle(stream, request, answer, target)
    } catch (error) {
      this.#bug(error, stream, answer, method)
    }
  }

  #handle(stream: ServerHttp2Stream, request: Incoming, answer: Http2Answer, tunnel: TunnelTarget): void {
    const { services } = this.#context
    const admission = admit(request, { tunnel, surplus: false }, this.#door, this.#context, undefined)
    if (admission.kind === 'own') return giveOwn(answer, admission.answer, request.method ?? '')
    if (admission.kind === 'refuse') return giveRefusal(answer, admission.refusal, request, services)
    const body = stream.endAfterHeaders ? undefined : new Http2Body(stream, admission.head, answer)
    const exchange = new Exchange(services, admission.plan, admission.head, body, answer)
    answer.attend(exchange)
    exchange.start()
  }

  /** A bug ends its stream, not the connection. */
  #bug(error: unknown, stream: ServerHttp2Stream, answer: Http2Answer, method: string): void {
    reportBug(error)
    if (stream.headersSent) return answer.abort()
    giveOwn(answer, bugAnswer(this.#context.services), method)
  }
}
