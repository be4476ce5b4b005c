import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { MaybeBody } from '../exchange/lane.js'
import { letGo } from '../wire/block.js'
import { type PlainHead, parsePlainHead } from '../wire/plain-head.js'
import { held, kept } from '../wire/shared-read.js'
import { receiveInto } from './accepted-read.js'
import { type ClientConnection, clientConnection } from './client-connection.js'
import type { FastLine } from './fast-answer.js'
import { FastBody } from './fast-body.js'
import { endGently, LINGER_BYTES, LINGER_MS } from './linger.js'

/** What a connection of the fast lane is part of. */
export type FastOwner = {
  /** Of a request head, in bytes. */
  readonly headMax: number
  /** Whether answers that begin now close their connection. */
  readonly closes: () => boolean
  /** A request has come; its answer goes to the connection. */
  readonly serve: (connection: FastConnection, head: PlainHead, body: MaybeBody) => void
  /** The connection is over, or for `node:http` to go on with. */
  readonly leave: (connection: FastConnection) => void
}

const NOTHING = Buffer.alloc(0)
/** So much is read ahead of what is being served; then the client has to wait. */
const AHEAD_MAX = 65_536

/** One client connection of the fast lane: one request after the other, each read only when the one before is answered. */
export class FastConnection implements FastLine {
  readonly socket: Socket
  readonly client: ClientConnection
  readonly #owner: FastOwner
  /** Read, and not used. */
  #ahead: Buffer = NOTHING
  /** What those bytes lie in where they had to wait. */
  #held: Buffer | undefined
  /** Of the request that is served, or was answered before its end. */
  #body: FastBody | undefined
  /** What may still come of a body that nobody wants any more. */
  #discards: { bytes: number; readonly timer: NodeJS.Timeout } | undefined
  #keepAlive = true
  #isPulling = false
  #isReleased = false
  /** Seconds, about, without a request. */
  #idle = 0
  #served = 0

  constructor(socket: Socket, owner: FastOwner) {
    this.socket = socket
    this.client = clientConnection(socket)
    this.#owner = owner
    receiveInto(socket, chunk => this.#onRead(chunk))
    // Also where reads come otherwise: what was put back on the socket comes like this.
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('close', this.#onClose)
  }

  /** A second went by. @returns for how many nothing was asked, and how much ever was */
  tick(): { readonly idle: number; readonly served: number } {
    // A client that reads slowly has not been answered yet.
    this.#idle = this.client.busy || this.socket.writableLength > 0 ? 0 : this.#idle + 1
    return { idle: this.#idle, served: this.#served }
  }

  closes(): boolean {
    return !this.#keepAlive || this.client.dead || this.#owner.closes()
  }

  answered(last: boolean): void {
    const isUnread = this.#body !== undefined && this.#body.left > 0
    this.#body?.close()
    if (last) this.#closeAfter(isUnread)
    else if (isUnread) this.#discardRest()
    this.client.done()
    if (!last) this.#pull()
  }

  /** Takes its hands off the socket. @returns what it has read, for whoever goes on */
  release(): Buffer {
    this.#isReleased = true
    this.socket.removeListener('data', this.#onData)
    this.socket.removeListener('end', this.#onEnd)
    this.socket.removeListener('drain', this.#onDrain)
    this.socket.removeListener('close', this.#onClose)
    const rest = kept(this.#ahead)
    this.#ahead = NOTHING
    this.#letHeldGo()
    return rest
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#ahead = this.#ahead.length === 0 ? chunk : Buffer.concat([this.#ahead, chunk])
    this.#pull()
  }

  /** Reads that others listen for, or that have to wait, come as with any socket. */
  #onRead(chunk: Buffer): boolean {
    if (this.#isReleased || this.client.dead || this.socket.isPaused()) return this.socket.push(kept(chunk))
    try {
      this.#onData(chunk)
    } finally {
      // Also after a bug: the process survives it, and with it the connection.
      this.#holdAhead()
    }
    return true
  }

  readonly #onDrain = (): void => {
    this.client.exchange?.onClientDrain()
  }

  /** It sends no more: what is not yet answered is not wanted any more, as with `node:http`. */
  readonly #onEnd = (): void => {
    if (this.#body !== undefined && this.#body.left > 0) this.socket.destroy()
    else this.socket.end()
  }

  readonly #onClose = (): void => {
    clearTimeout(this.#discards?.timer)
    this.#body?.close()
    this.#ahead = NOTHING
    this.#letHeldGo()
    this.#owner.leave(this)
  }

  readonly #onBodyChanged = (body: FastBody): void => {
    if (body === this.#body && this.#discards === undefined) this.#pull()
  }

  /** Uses what was read, as far as it is wanted now. */
  #pull(): void {
    if (this.#isPulling) return
    this.#isPulling = true
    try {
      while (this.#ahead.length > 0 && this.#use());
    } finally {
      this.#isPulling = false
      if (this.#ahead.length === 0) this.#letHeldGo()
    }
    if (this.#isReleased) return
    if (this.#isFull()) this.#pause()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  /**
   * The stream takes some more, and so hears when the client leaves. Not in a body that an upstream is slow to take: each
   * read would be copied.
   */
  #pause(): void {
    if (this.#body?.isStarted) this.socket.pause()
    else Readable.prototype.pause.call(this.socket)
  }

  /** Beyond the read that brought it, in memory that serves again. */
  #holdAhead(): void {
    if (this.#ahead.length === 0) return
    const rest = held(this.#ahead)
    this.#letHeldGo()
    this.#held = rest
    this.#ahead = rest
  }

  #letHeldGo(): void {
    if (this.#held !== undefined) letGo(this.#held)
    this.#held = undefined
  }

  /** What more could come has to wait; without a body it is read all the same, to hear when the client leaves. */
  #isFull(): boolean {
    const isHeld = this.#body !== undefined && this.#body.left > 0 && !this.#body.isWanted
    return this.#ahead.length >= AHEAD_MAX || (isHeld && this.#ahead.length > 0 && this.#discards === undefined)
  }

  /** @returns whether there may be more to do */
  #use(): boolean {
    // What nobody would hear the answer to is not begun.
    if (this.client.dead || !this.socket.writable) {
      this.#ahead = NOTHING
      return false
    }
    const body = this.#body
    if (body !== undefined && body.left > 0) return this.#useBody(body)
    return !this.client.busy && this.#useHead()
  }

  #useBody(body: FastBody): boolean {
    if (this.#discards === undefined && !body.isWanted) return false
    const chunk = this.#take(Math.min(body.left, this.#ahead.length))
    if (this.#discards === undefined) body.receive(chunk)
    else this.#discard(body, chunk.length)
    return true
  }

  #useHead(): boolean {
    const head = parsePlainHead(this.#ahead, this.#owner.headMax)
    if (head === undefined) {
      this.#owner.leave(this)
      return false
    }
    this.#take(head.end)
    const body = head.length === undefined ? undefined : new FastBody(head.length, this.#onBodyChanged)
    this.#body = body
    this.#keepAlive = head.keepAlive
    this.#idle = 0
    this.#served++
    this.client.enqueue(() => this.#owner.serve(this, head, body))
    return true
  }

  #take(length: number): Buffer {
    const ahead = this.#ahead
    const isAll = length === ahead.length
    this.#ahead = isAll ? NOTHING : ahead.subarray(length)
    return isAll ? ahead : ahead.subarray(0, length)
  }

  /** The answer came before the end of the body: the connection lives on if the rest comes soon. */
  #discardRest(): void {
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS).unref()
    this.#discards = { bytes: LINGER_BYTES, timer }
  }

  #discard(body: FastBody, length: number): void {
    if (this.#discards === undefined) return
    body.left -= length
    this.#discards.bytes -= length
    if (this.#discards.bytes < 0) this.socket.destroy()
    if (body.left > 0) return
    clearTimeout(this.#discards.timer)
    this.#discards = undefined
  }

  #closeAfter(isUnread: boolean): void {
    this.client.refuseRest()
    if (this.socket.destroyed) return
    // With something of its body unread, a plain close could take the answer along.
    if (!isUnread) return this.socket.destroySoon()
    this.socket.removeListener('data', this.#onData)
    this.#ahead = NOTHING
    this.#body = undefined
    endGently(this.socket)
  }
}
