import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { bareRecord } from '../exchange/record.js'
import type { Services } from '../exchange/services.js'
import { seconds } from '../time/units.js'
import { noteTlsOver } from '../upstream/reset-socket.js'
import { errorCode } from '../upstream/to-fault.js'
import { clientConnection, type TunnelTarget, tunnelTarget } from './client-connection.js'
import { hearFirstBytes } from './first-bytes.js'
import { reportBug } from './own-answer.js'
import type { TlsEnd } from './tls-end.js'
import { type ConnectTarget, ESTABLISHED } from './tunnel.js'

/** A client that says nothing for this long waits for the other side to speak first (FP-05). */
const SILENCE = seconds(10)
const HANDSHAKE_TIME = seconds(10)

export type InterceptionHost = {
  /** HTTP/1.1 on a socket, pinned to the tunnel's target (F3); plain or inside TLS. */
  readonly serveHttp1: (socket: Socket, target: TunnelTarget) => void
  readonly serveHttp2: (socket: TLSSocket, target: TunnelTarget) => void
  /** Neither TLS nor HTTP: bytes pass untouched. */
  readonly passOn: () => void
}

/**
 * One CONNECT to a host that a route names: answered at once, dialled when a request comes (FP-05). TLS ends here with a
 * leaf for the CONNECT host, whatever name the client asks for inside (FP-07).
 */
export class Interception {
  readonly #services: Services
  readonly #end: TlsEnd
  readonly #target: ConnectTarget
  readonly #route: string
  readonly #client: Socket
  readonly #host: InterceptionHost
  readonly #startedAt: number

  constructor(
    services: Services,
    end: TlsEnd,
    target: ConnectTarget,
    route: string,
    client: Socket,
    host: InterceptionHost,
  ) {
    this.#services = services
    this.#end = end
    this.#target = target
    this.#route = route
    this.#client = client
    this.#host = host
    this.#startedAt = services.clock.monotonic()
  }

  open(early: Buffer): void {
    const client = this.#client
    client.write(ESTABLISHED, 'latin1')
    if (early.length > 0) client.unshift(early)
    const connection = clientConnection(client)
    connection.awaitSpeech()
    hearFirstBytes(client, this.#services.clock, SILENCE, speech => {
      if (client.destroyed) return
      // It asked for nothing, or for half of something.
      if (client.readableEnded) return void client.end()
      connection.spoken()
      if (speech === 'tls') this.#secure()
      else if (speech === 'http') this.#host.serveHttp1(client, tunnelTarget('http', this.#target, undefined))
      else this.#host.passOn()
    })
  }

  #secure(): void {
    const context = this.#end.contextFor(this.#target.host)
    if (!(context instanceof Promise)) return this.#handshake(context)
    context.then(
      made => {
        if (!this.#client.destroyed) this.#handshake(made)
      },
      error => {
        this.#client.destroy()
        // A certificate that cannot be made is a bug or a broken CA.
        reportBug(error)
      },
    )
  }

  #handshake(secureContext: SecureContext): void {
    const { clock } = this.#services
    const socket = new TLSSocket(this.#client, {
      isServer: true,
      secureContext,
      ALPNProtocols: [...this.#end.protocols],
    })
    noteTlsOver(socket, this.#client)
    let code = ''
    const onError = (error: unknown) => {
      code = errorCode(error)
    }
    const onClose = () => {
      cancel()
      this.#brokenOff(code)
    }
    const cancel = clock.schedule(HANDSHAKE_TIME, () => {
      code = 'ETIMEDOUT'
      socket.destroy()
    })
    // Half-open sockets are told of the end and left alone.
    const onEnd = () => socket.destroy()
    socket.on('error', onError).on('end', onEnd).on('close', onClose)
    socket.once('secure', () => {
      cancel()
      socket.removeListener('error', onError).removeListener('end', onEnd).removeListener('close', onClose)
      this.#serve(socket)
    })
  }

  #serve(socket: TLSSocket): void {
    const { servername } = socket as TLSSocket & { readonly servername?: string | false | null }
    this.#watchFirstByte(socket)
    const target = tunnelTarget('https', this.#target, servername || undefined)
    if (socket.alpnProtocol === 'h2') this.#host.serveHttp2(socket, target)
    else this.#host.serveHttp1(socket, target)
  }

  /** Some clients, Node among them, look at the certificate only after the handshake, and leave without a word. */
  #watchFirstByte(socket: TLSSocket): void {
    socket.once('close', () => {
      if (socket.bytesRead === 0) this.#end.onBrokenOff(this.#target.host, '')
    })
  }

  #brokenOff(code: string): void {
    this.#end.onBrokenOff(this.#target.host, code)
    const { newId, record, clock } = this.#services
    record?.(
      bareRecord({
        id: newId(),
        route: this.#route,
        mode: 'intercept',
        method: 'CONNECT',
        scheme: 'https',
        host: this.#target.authority,
        path: '',
        status: 200,
        end: 'client-tls-failed',
        attempts: [],
        startedAt: this.#startedAt,
        endedAt: clock.monotonic(),
        bytes_in: 0,
        bytes_out: 0,
      }),
    )
  }
}
