import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Answer, readAnswer, requestBytes } from './client.js'

/** A moment that splits requests into those sent before it and those sent after. */
export type Moment = {
  readonly passed: boolean
  /** An answer came. */
  readonly tick: () => void
}

/** What became of the requests of many clients. */
export type Tally = {
  whole: number
  /** Requests sent before the moment that got no whole answer, and answers that broke off, whenever. */
  readonly failed: string[]
  /** Sent after the moment, and not taken: no byte of an answer. */
  turnedAway: number
  /** Connections whose last answer said that they close. */
  toldToClose: number
  /** By the `X-Route` field of answers. */
  readonly routes: Map<string, number>
}

export const newTally = (): Tally => ({ whole: 0, failed: [], turnedAway: 0, toldToClose: 0, routes: new Map() })

/** At the `count`-th answer `act` is called, in the middle of whatever runs. */
export function atAnswer(count: number, act: () => void): Moment {
  let answers = 0
  let passed = false
  return {
    get passed() {
      return passed
    },
    tick: () => {
      answers++
      if (answers !== count) return
      passed = true
      act()
    },
  }
}

/** One connection, request after request, until it is told to close. */
export async function keepAliveLane(port: number, url: string, moment: Moment, tally: Tally): Promise<void> {
  const socket = await connected(port)
  if (socket === undefined) return
  for (;;) {
    const answer = await ask(socket, url, moment, tally)
    if (answer === undefined) break
    if (answer.header('connection') !== 'close') continue
    tally.toldToClose++
    if (!socket.closed) await once(socket, 'close')
    break
  }
  socket.destroy()
}

/** A new connection for each request, until nobody takes them. */
export async function freshLane(port: number, url: string, moment: Moment, tally: Tally): Promise<void> {
  for (;;) {
    const socket = await connected(port)
    if (socket === undefined) return
    const answer = await ask(socket, url, moment, tally)
    socket.destroy()
    if (answer === undefined) return
  }
}

/** One request, judged; `undefined` when the connection is over. */
async function ask(socket: Socket, url: string, moment: Moment, tally: Tally): Promise<Answer | undefined> {
  const early = !moment.passed
  if (socket.readableEnded || socket.destroyed) return undefined
  const answered = readAnswer(socket)
  socket.write(requestBytes(url))
  const answer = await answered
  if (answer.status !== 200 || answer.broken) {
    const isFailed = early || answer.head !== ''
    if (isFailed)
      tally.failed.push(`${early ? 'early' : 'late'} ${answer.status} ${JSON.stringify(answer.head)} ${answer.text}`)
    else tally.turnedAway++
    return undefined
  }
  tally.whole++
  const route = answer.header('x-route')
  if (route !== undefined) tally.routes.set(route, (tally.routes.get(route) ?? 0) + 1)
  moment.tick()
  return answer
}

/** `undefined` when nobody listens, or nobody does any more. */
async function connected(port: number): Promise<Socket | undefined> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.on('error', () => undefined)
  return isOpen ? socket : undefined
}
