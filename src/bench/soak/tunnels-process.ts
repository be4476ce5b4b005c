import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection, type Way } from '../load-connection.js'
import { ContentCheck, contentOf } from './content.js'

/** What the parent says. @property count tunnels, of which a few speak */
export type TunnelsOrder =
  | { readonly kind: 'open'; readonly proxy: number; readonly echo: number; readonly count: number }
  | { readonly kind: 'speak' }
  | { readonly kind: 'close' }

export type TunnelsReport = {
  readonly opened: number
  /** Why one was not opened. */
  readonly failure: string | undefined
  /** Ended before they were closed. */
  readonly lost: number
  /** Bytes that came back, and tunnels in which others came back than were sent. */
  readonly echoed: number
  readonly foreign: number
}

/** Opened at a time. */
const AT_ONCE = 64
/** How often one is asked for, and the pause in between, in milliseconds. */
const TRIES = 20
const RETRY_AFTER = 1_000
/** One in so many speaks. */
const SPEAKS = 50
/** The longest pause between what it says, in milliseconds, and how much that is. */
const PAUSE = 400
const WORDS = 256

/** CONNECT tunnels that mostly do nothing. */
class Tunnels {
  readonly #sockets: Socket[] = []
  readonly #checks = new Map<Socket, ContentCheck>()
  #failure: string | undefined
  #lost = 0
  #isOpen = true

  async open(proxy: number, echo: number, count: number): Promise<TunnelsReport> {
    const way = { port: proxy, secureContext: undefined, tunnel: `127.0.0.1:${echo}` }
    let asked = 0
    const opener = async () => {
      while (asked++ < count && this.#failure === undefined) {
        await openTunnel(way).then(
          socket => this.#keep(socket),
          error => {
            this.#failure ??= String(error)
          },
        )
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, opener))
    return this.#report()
  }

  speak(): void {
    const speakers = this.#sockets.filter((_, i) => i % SPEAKS === 0)
    for (const [i, socket] of speakers.entries()) void this.#talk(socket, i + 1)
  }

  close(): TunnelsReport {
    this.#isOpen = false
    for (const socket of this.#sockets) socket.destroy()
    return this.#report()
  }

  #keep(socket: Socket): void {
    this.#sockets.push(socket)
    socket.setTimeout(0)
    socket.on('error', () => undefined).resume()
    socket.once('close', () => {
      if (this.#isOpen) this.#lost++
    })
  }

  /** Each says what nobody else says. */
  async #talk(socket: Socket, id: number): Promise<void> {
    const check = new ContentCheck(id)
    this.#checks.set(socket, check)
    socket.on('data', (chunk: Buffer) => check.feed(chunk))
    while (this.#isOpen && !socket.destroyed) {
      socket.write(contentOf(id, WORDS))
      await sleep((id % 7) * (PAUSE / 7) + 50)
    }
  }

  #report(): TunnelsReport {
    const checks = [...this.#checks.values()]
    return {
      opened: this.#sockets.length,
      failure: this.#failure,
      lost: this.#lost,
      echoed: checks.reduce((sum, { length }) => sum + length, 0),
      foreign: checks.filter(({ matches }) => !matches).length,
    }
  }
}

/** Asks again when the daemon has too much to do. */
async function openTunnel(way: Way): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    try {
      return await openConnection(way)
    } catch (error) {
      if (tries === TRIES || !/ HTTP\/1\.1 503/.test(String(error))) throw error
    }
    await sleep(RETRY_AFTER)
  }
}

const tunnels = new Tunnels()

async function obey(order: TunnelsOrder): Promise<void> {
  switch (order.kind) {
    case 'open':
      return void process.send?.(await tunnels.open(order.proxy, order.echo, order.count))
    case 'speak':
      tunnels.speak()
      return void process.send?.('speaking')
    case 'close':
      return void process.send?.(tunnels.close())
  }
}

process.on('message', (order: TunnelsOrder) => void obey(order))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
