import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { openConnection } from '../load-connection.js'
import { type Calls, call, type Path } from './call.js'
import { drawErrand, type Errand, type RouteName } from './errand.js'
import { beRude, upgrade } from './rude-clients.js'
import { type Dice, diceOf } from './seeded.js'
import { MOUNT, type UpstreamPorts } from './settings.js'
import { count, newTally, type Tally } from './tally.js'

/** What the parent says: begin, how far are you, end when what runs is done. */
export type LoadOrder =
  | {
      readonly kind: 'start'
      readonly proxy: number
      readonly upstream: UpstreamPorts
      /** The file with the authority of intercepted hosts. */
      readonly roots: string
      readonly connections: number
      readonly seed: number
      /** The first request's; every other one has a greater one. */
      readonly firstId: number
      readonly secrets: readonly string[]
      /** Goes into the path of one request. */
      readonly betray: string | undefined
    }
  | { readonly kind: 'count' }
  | { readonly kind: 'stop' }

/** What every origin has. */
const THINGS = '/v1/things'

/** The longest pause of a lane between two errands, in milliseconds for each lane: some 3,000 requests a second. */
const PAUSE = 1

/** One lane in so many asks at a time, the others only stay connected: more would measure how long the queue is. */
const ONE_IN = 8
const AT_ONCE_MIN = 16

/** What all clients of this process saw, warm-up and all. */
const tally = newTally()

/** Many clients, each with connections of its own. */
class Load {
  readonly #order: Extract<LoadOrder, { readonly kind: 'start' }>
  readonly #calls: Calls
  readonly #lanes: Promise<void>[]
  readonly #agents: Agent[] = []
  /** All lanes share its connections: each is a TLS session on both sides. */
  readonly #tls: Agent
  readonly #turns: Turns
  #nextId: number
  #running = true

  constructor(order: Extract<LoadOrder, { readonly kind: 'start' }>) {
    this.#order = order
    this.#nextId = order.firstId
    this.#calls = { tally, secrets: order.secrets }
    this.#tls = this.#tlsAgent()
    this.#turns = new Turns(Math.max(AT_ONCE_MIN, Math.ceil(order.connections / ONE_IN)))
    this.#lanes = Array.from({ length: order.connections }, (_, lane) => this.#lane(diceOf(order.seed + lane * 7_919)))
    if (order.betray !== undefined) this.#lanes.push(this.#betray(order.betray))
  }

  /** Resolves when everything that runs has ended, and closes all connections. */
  async stop(): Promise<Tally> {
    this.#running = false
    await Promise.all(this.#lanes)
    for (const agent of this.#agents) agent.destroy()
    return tally
  }

  async #lane(dice: Dice): Promise<void> {
    const plain = this.#agent()
    const longest = PAUSE * this.#order.connections
    await sleep(dice() * longest)
    while (this.#running) {
      const errand = drawErrand(dice)
      await this.#turns.take()
      if (this.#running) await this.#run(errand, errand.route === 'tls' ? this.#tls : plain)
      this.#turns.give()
      await sleep(dice() ** 2 * longest)
    }
  }

  async #run(errand: Errand, agent: Agent): Promise<void> {
    const id = this.#nextId++
    const path = this.#path(errand.route, id, agent)
    if (errand.manner === 'upgrade') return upgrade(this.#calls, path, errand, id)
    const isRude = errand.manner !== 'well' && errand.manner !== 'slow-upload'
    // Inside TLS there would be nothing else to see.
    if (isRude) return errand.route === 'tls' ? undefined : beRude(this.#calls, path, errand, id)
    const ask = async () => count(tally, errand, id, await call(this.#calls, path, errand, id))
    await (errand.keyed === 'together' ? Promise.all([ask(), ask(), ask()]) : ask())
    if (errand.keyed === 'again') await ask()
  }

  #path(route: RouteName, id: number, agent: Agent): Path {
    const { proxy, upstream } = this.#order
    const thing = `${THINGS}/${id}`
    const host = `127.0.0.1:${upstream[route]}`
    if (route === 'mount') return { port: proxy, target: `${MOUNT}${thing}`, host: `127.0.0.1:${proxy}`, agent }
    return { port: proxy, target: route === 'tls' ? thing : `http://${host}${thing}`, host, agent }
  }

  /** Keeps one connection, and has more while one key is asked for several times at once. */
  #agent(maxSockets = 3, maxFreeSockets = 1): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets, maxFreeSockets })
    this.#agents.push(agent)
    return agent
  }

  /** Its connections are tunnels, and TLS inside. */
  #tlsAgent(): Agent {
    const { proxy, upstream, roots } = this.#order
    const secureContext = createSecureContext({ ca: readFileSync(roots) })
    const way = { port: proxy, secureContext, tunnel: `127.0.0.1:${upstream.tls}` }
    const createConnection = (_: unknown, onSocket: (error: Error | null, socket?: Socket) => void) => {
      openConnection(way).then(
        socket => onSocket(null, socket),
        error => onSocket(error as Error),
      )
    }
    const most = Math.ceil(this.#order.connections / 20) + 2
    return Object.assign(this.#agent(most, most), { createConnection })
  }

  async #betray(secret: string): Promise<void> {
    const id = this.#nextId++
    const path = this.#path('pass', id, this.#agent())
    const errand = { ...drawErrand(() => 0), acts: [] }
    await call(this.#calls, { ...path, target: `${path.target}/${secret}` }, errand, id)
  }
}

/** So many at a time, first come first served. */
class Turns {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(most: number) {
    this.#free = most
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next()
    else this.#free++
  }
}

let load: Load | undefined

async function obey(order: LoadOrder): Promise<void> {
  switch (order.kind) {
    case 'start':
      load = new Load(order)
      return void process.send?.('started')
    case 'count':
      return void process.send?.(tally.requests)
    case 'stop':
      return void process.send?.(await load?.stop())
  }
}

process.on('message', (order: LoadOrder) => void obey(order))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
