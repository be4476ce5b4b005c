import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'

type Event = { readonly event: string; readonly id: string | undefined; readonly data: Record<string, unknown> }

/** Reads `GET /v1/events` of an admin port. */
export class EventReader {
  readonly all: Event[] = []
  readonly answer: IncomingMessage
  #rest = ''
  #wake: () => void = () => undefined

  private constructor(answer: IncomingMessage) {
    this.answer = answer
    answer.setEncoding('utf8')
    answer.on('data', (text: string) => this.#read(text))
    answer.on('error', () => undefined)
    answer.on('close', () => this.#wake())
  }

  /** Resolves when the answer has begun. */
  static async open(port: number, ...fields: string[]): Promise<EventReader> {
    const lines = fields.map(field => field.split(': ') as [string, string])
    const headers = { host: 'localhost', ...Object.fromEntries(lines) }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ port, host: '127.0.0.1', path: '/v1/events', headers, agent: false }, resolve).on('error', reject).end()
    })
    return new EventReader(answer)
  }

  get socket(): Socket {
    return this.answer.socket
  }

  /** Everything so far, as soon as an event for which `wanted` holds is among it. */
  async until(wanted: (event: Event) => boolean): Promise<readonly Event[]> {
    while (!this.all.some(wanted)) {
      if (this.socket.destroyed) throw new Error(`the stream ended after ${JSON.stringify(this.all.at(-1))}`)
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
    return [...this.all]
  }

  close(): void {
    this.socket.destroy()
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks.filter(block => block.includes('data: '))) {
      const value = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const data = JSON.parse(value('data') ?? 'null') as Record<string, unknown>
      this.all.push({ event: value('event') ?? '', id: value('id'), data })
    }
    this.#wake()
  }
}
