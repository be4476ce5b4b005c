import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { type Answer, type RequestOptions, readAnswer, requestBytes } from './client.js'

/** One client connection that asks one thing after the other, and dials anew when the proxy has closed it. */
export class ClientLane {
  readonly #port: number
  #socket: Socket | undefined

  constructor(port: number) {
    this.#port = port
  }

  ask(url: string, options: RequestOptions = {}): Promise<Answer> {
    const socket = this.#connected()
    const answer = readAnswer(socket, options.method ?? 'GET')
    socket.write(requestBytes(url, options))
    return answer
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connected(): Socket {
    if (this.#socket !== undefined && !this.#socket.destroyed && this.#socket.writable) return this.#socket
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => undefined)
    socket.on('end', () => socket.destroy())
    this.#socket = socket
    return socket
  }
}

/** As many lanes as a crowd has. */
export const lanesTo = (port: number, count: number): ClientLane[] =>
  Array.from({ length: count }, () => new ClientLane(port))

/** The same, closed when the test is over. */
export function lanesFor(t: Test, port: number, count: number): ClientLane[] {
  const lanes = lanesTo(port, count)
  t.teardown(() => {
    for (const lane of lanes) lane.close()
  })
  return lanes
}

/** The problem document that an answer carries. */
export const problemOf = (answer: Answer): Record<string, unknown> => JSON.parse(answer.text) as Record<string, unknown>
