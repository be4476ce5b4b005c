import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, readAnswer, requestBytes } from './client.js'

/** done: answered with success · blocked: told that nobody knows whether it was done */
export type OrderEnd = { readonly kind: 'done' | 'blocked'; readonly text: string; readonly tries: number }

/** Between two tries, in milliseconds; it gives up after so many. */
const PAUSE = 50
const TRIES = 600

/** An application that sends a request with the same key again until it is told something final. */
export class KeyedClient {
  readonly #ports: () => readonly number[]
  readonly #url: string
  readonly #idle = new Map<number, Socket[]>()
  readonly #busy = new Map<number, number>()
  /** Tells what was not final: status and code, and how often. */
  readonly setbacks = new Map<string, number>()

  /** @param ports of the daemons that may be asked now, each try the next one @param url of the upstream */
  constructor(ports: () => readonly number[], url: string) {
    this.#ports = ports
    this.#url = url
  }

  /** Requests that a daemon has not answered yet. */
  waiting(port: number): number {
    return this.#busy.get(port) ?? 0
  }

  async order(key: string, first = 0): Promise<OrderEnd> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const ports = this.#ports()
      const port = ports[(first + tries) % ports.length]
      const given = port === undefined ? undefined : await this.send(port, key)
      if (given?.status === 201 && !given.broken) return { kind: 'done', text: given.text, tries }
      const code = given && (/"code":"(\w+)"/.exec(given.text)?.[1] ?? '')
      if (code === 'outcome_unknown') return { kind: 'blocked', text: given?.text ?? '', tries }
      const setback = given === undefined ? 'no daemon' : given.status === 0 ? 'cut off' : `${given.status} ${code}`
      this.setbacks.set(setback, (this.setbacks.get(setback) ?? 0) + 1)
      await sleep(PAUSE)
    }
    throw new Error(`${key} was not answered: ${JSON.stringify([...this.setbacks])}`)
  }

  /** One try; status 0 when the daemon went away. */
  send(port: number, key: string, body = JSON.stringify({ for: key })): Promise<Answer> {
    return this.#exchange(port, body, [`Idempotency-Key: ${key}`])
  }

  unkeyed(port: number): Promise<Answer> {
    return this.#exchange(port, '{}', [])
  }

  async #exchange(port: number, body: string, more: readonly string[]): Promise<Answer> {
    const idle = this.#idle.get(port) ?? []
    this.#idle.set(port, idle)
    const socket = idle.pop() ?? open(port, idle)
    this.#busy.set(port, this.waiting(port) + 1)
    const answer = readAnswer(socket, 'POST')
    const fields = ['Content-Type: application/json', ...more]
    socket.write(requestBytes(`${this.#url}/orders`, { method: 'POST', body, fields }))
    const given = await answer
    this.#busy.set(port, this.waiting(port) - 1)
    if (!socket.destroyed && given.header('connection') !== 'close') idle.push(socket)
    return given
  }

  close(): void {
    for (const socket of [...this.#idle.values()].flat()) socket.destroy()
  }
}

function open(port: number, idle: Socket[]): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.on('close', () => {
    const at = idle.indexOf(socket)
    if (at >= 0) idle.splice(at, 1)
  })
  return socket
}
