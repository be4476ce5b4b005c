import type { Socket } from 'node:net'
import type { MaybeBody } from '../exchange/lane.js'
import type { Cancel } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { PlainHead } from '../wire/plain-head.js'
import { admit, type Door } from './admission.js'
import { FastAnswer } from './fast-answer.js'
import { FastConnection, type FastOwner } from './fast-connection.js'
import { bugAnswer, giveOwn, reportBug } from './own-answer.js'
import { refuseUnparsed } from './parse-error.js'
import { serveRequest } from './serve-request.js'
import type { ListenerContext } from './server.js'

/** How often it looks for connections that nobody uses. */
const CHECK_EVERY = seconds(1)

/** To who goes on with a connection, and reads on. @param rest what was read of it and not used */
export type HandOver = (socket: Socket, rest: Buffer) => void

/**
 * Requests of the strict plain form, read and answered without `node:http`; a connection that brings anything else goes
 * over to it before a byte of that is answered, and stays there; a tunnel is begun at once.
 */
export class FastLane {
  readonly #context: ListenerContext
  readonly #door: Door
  readonly #handOver: HandOver
  readonly #limits: { readonly headSeconds: number; readonly idleSeconds: number }
  /** What every connection is part of. */
  readonly #owner: FastOwner
  readonly #connections = new Set<FastConnection>()
  #cancel: Cancel | undefined

  constructor(
    context: ListenerContext,
    door: Door,
    handOver: HandOver,
    limits: { readonly headSeconds: number; readonly idleSeconds: number },
  ) {
    this.#context = context
    this.#door = door
    this.#handOver = handOver
    this.#limits = limits
    this.#owner = {
      get headMax() {
        return context.rules().config.limits.header_bytes
      },
      closes: context.closes,
      serve: (connection, head, body) => this.#serve(connection, head, body),
      leave: connection => this.#leave(connection),
    }
  }

  accept(socket: Socket): void {
    this.#connections.add(new FastConnection(socket, this.#owner))
    if (this.#connections.size === 1) this.#check()
  }

  #leave(connection: FastConnection): void {
    if (!this.#connections.delete(connection)) return
    if (this.#connections.size === 0) this.#cancel?.()
    const rest = connection.release()
    const { socket } = connection
    if (!socket.destroyed) this.#handOver(socket, rest)
  }

  #serve(connection: FastConnection, head: PlainHead, body: MaybeBody): void {
    const { method, target, fields } = head
    const { socket } = connection
    const request = { method, url: target, httpVersion: '1.1', rawHeaders: fields, socket }
    let answer: FastAnswer | undefined
    try {
      const { services } = this.#context
      const admission = admit(request, connection.client, this.#door, this.#context, undefined)
      answer = new FastAnswer(connection, method, admission.kind === 'go' ? admission.mount : undefined)
      serveRequest(admission, request, body, answer, connection.client, services)
    } catch (error) {
      this.#bug(error, connection, answer ?? new FastAnswer(connection, method, undefined), method)
    }
  }

  /** A bug ends its exchange, not the process. */
  #bug(error: unknown, { client, socket }: FastConnection, answer: FastAnswer, method: string): void {
    reportBug(error)
    client.refuseRest()
    if (answer.begun) socket.destroy()
    else giveOwn(answer, bugAnswer(this.#context.services), method)
  }

  /** One look for all, while there are any. */
  #check(): void {
    this.#cancel = this.#context.services.clock.schedule(CHECK_EVERY, () => {
      for (const connection of this.#connections) this.#age(connection)
      if (this.#connections.size > 0) this.#check()
    })
  }

  #age(connection: FastConnection): void {
    const { idle, served } = connection.tick()
    if (served > 0 && idle > this.#limits.idleSeconds) connection.socket.destroy()
    if (served > 0 || idle <= this.#limits.headSeconds || connection.client.dead) return
    const late = Object.assign(new Error('no request came'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
    refuseUnparsed(late, connection.socket, this.#context.services)
  }
}
