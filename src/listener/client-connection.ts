import type { Socket } from 'node:net'
import type { Exchange } from '../exchange/exchange.js'
import type { RefusalCode } from '../faults.js'
import { type Authority, formatAuthority } from '../http/authority.js'
import { type Millis, millis } from '../time/units.js'

/**
 * How long an idle connection is kept open at a shutdown: its client may just be asking, and gets one more answer, which
 * says that it closes.
 */
const GRACE = millis(100)

/**
 * Runs it when the grace is over and what came until then was read: a process that was held up finds its timers due
 * before it has read anything. @param most of the grace
 */
export const afterGrace = (run: () => void, most: Millis = GRACE): NodeJS.Timeout =>
  setTimeout(() => setImmediate(run), Math.min(GRACE, most))

/** The authority a CONNECT pinned for everything inside the tunnel (F3). */
export type TunnelTarget = {
  /** What it carries: plain HTTP, or HTTP inside TLS that ends here. */
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** As it goes into `Host`. */
  readonly authority: string
  /** The name that the client asked for in its TLS handshake (RFC 6066 §3). */
  readonly servername: string | undefined
}

/** @param authority what the CONNECT asked for */
export function tunnelTarget(
  scheme: 'http' | 'https',
  { host, port }: Authority,
  servername: string | undefined,
): TunnelTarget {
  return { scheme, host, port, authority: formatAuthority({ host, port }, scheme === 'https' ? 443 : 80), servername }
}

/** A request of the `node:http` lane, as far as those behind it have to know. */
export type Turn = {
  /** All of it has been read. */
  readonly isWhole: () => boolean
  /** Calls when its answer has gone out. */
  readonly onSent: (then: () => void) => void
}

type Waiting = { readonly handle: () => void; readonly turn: Turn | undefined }

/**
 * What we know of one client socket beyond HTTP: one exchange at a time in the order the requests came, and nothing
 * after a refusal. Node parses pipelined requests ahead, also behind one that was refused with `Connection: close`.
 */
export class ClientConnection {
  readonly socket: Socket
  /** HTTP inside a CONNECT tunnel: requests are for this authority only. */
  tunnel: TunnelTarget | undefined
  /** One more than may be served: it is told so. */
  surplus = false
  #exchange: Exchange | undefined
  #busy = false
  #reset = false
  #dead = false
  #retiring = false
  #turn: Turn | undefined
  #isFlawed = false
  readonly #waiting: Waiting[] = []
  #bytesSeen = -1

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('close', () => this.#onClose())
    // Node's server reports what matters as `clientError`; without a listener a late error would end the process.
    socket.on('error', error => {
      this.#reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
    })
  }

  /** Nothing that still arrives here may be acted on. */
  get dead(): boolean {
    return this.#dead
  }

  get busy(): boolean {
    return this.#busy
  }

  /** Whether nothing is being answered or still to be read by the client, and nothing came since this was last asked. */
  isIdle(): boolean {
    const { bytesRead } = this.socket
    const wasSeen = bytesRead === this.#bytesSeen
    this.#bytesSeen = bytesRead
    return wasSeen && !this.#busy && this.socket.writableLength === 0
  }

  /** Runs `handle` when the requests before it are done; drops it if one of them closes the connection. */
  enqueue(handle: () => void, turn?: Turn): void {
    if (this.#dead) return
    if (this.#busy) {
      this.#waiting.push({ handle, turn })
      return
    }
    this.#busy = true
    this.#turn = turn
    handle()
  }

  /** The one that is being answered. */
  get exchange(): Exchange | undefined {
    return this.#exchange
  }

  /** The exchange that must hear when the client leaves. */
  attend(exchange: Exchange): void {
    this.#exchange = exchange
  }

  /** The current request is done: its answer was handed to the socket. */
  done(): void {
    this.#exchange = undefined
    this.#turn = undefined
    this.#busy = false
    const next = this.#waiting.shift()
    if (next !== undefined) this.enqueue(next.handle, next.turn)
    else if (this.#retiring) this.#leave()
  }

  /** A tunnel stands, and nobody has spoken in it yet: nothing of it was accepted, so a shutdown need not wait for it (F7). */
  awaitSpeech(): void {
    this.#busy = false
    if (this.#retiring) afterGrace(() => this.#leave()).unref()
  }

  /** Somebody speaks in the tunnel. */
  spoken(): void {
    this.#busy = true
  }

  /** Shutting down: closes as soon as nothing is being answered, although its client was told that it stays open. */
  retire(): void {
    this.#retiring = true
    this.#leave()
  }

  /**
   * What came last is malformed. Whole requests before it are answered first; one that waits and that it is a part of is
   * never begun. @returns false when it is a part of the one that is being answered
   */
  refuseBehind(refuse: () => void): boolean {
    if (!this.#busy) return false
    if (this.#waiting.at(-1)?.turn?.isWhole() === false) this.#waiting.pop()
    const { turn } = this.#waiting.at(-1) ?? { turn: this.#turn }
    if (turn?.isWhole() !== true) return false
    // The parser complains of every further byte.
    if (!this.#isFlawed) turn.onSent(refuse)
    this.#isFlawed = true
    return true
  }

  /** The body of the request under way is malformed. @returns false when there is no answer to give any more */
  breakRequest(code: RefusalCode, detail: string): boolean {
    return this.#exchange?.clientBroke(code, detail) ?? false
  }

  /** No further request of this connection is looked at. */
  refuseRest(): void {
    this.#dead = true
    this.#waiting.length = 0
  }

  /** What is written goes out first; behind it Node may have the answer to a pipelined request. */
  #leave(): void {
    // Who has ended it already sees to the rest.
    if (this.#busy || this.socket.destroyed || this.socket.writableEnded) return
    if (this.socket.writableLength === 0) this.socket.destroySoon()
    else this.socket.write(NOTHING, () => this.#leave())
  }

  #onClose(): void {
    this.refuseRest()
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.clientGone(this.#reset)
  }
}

const NOTHING = Buffer.alloc(0)

const connections = new WeakMap<Socket, ClientConnection>()

/** The one `ClientConnection` of a socket, however often it changes hands between lanes. */
export function clientConnection(socket: Socket): ClientConnection {
  const known = connections.get(socket)
  if (known !== undefined) return known
  const connection = new ClientConnection(socket)
  connections.set(socket, connection)
  return connection
}
