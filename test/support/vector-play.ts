import { connect, type Socket } from 'node:net'
import type { Outcome } from '../conformance/vectors/request-vector.js'
import { startTestDaemon, type TestDaemon } from './daemon.js'
import { readRequests } from './strict-request.js'
import { answer, type Seen, startUpstream, type TestUpstream } from './upstream.js'

/** How a client sends its bytes: pieces, each as a read of its own. */
export type Cut = (bytes: Buffer) => readonly Buffer[]

/** A daemon and an upstream that keeps what it gets. */
export type VectorStage = {
  readonly upstream: TestUpstream
  readonly daemon: TestDaemon
  /** All bytes that reached it since the last call. */
  readonly taken: () => string
  readonly reached: (count: number) => Promise<void>
  /** Answers nothing until what this returns is called, which waits for a request. */
  readonly hold: () => () => Promise<void>
  readonly close: () => Promise<void>
}

/** Longer than anything takes here, in milliseconds: who is silent for so long has left the connection open. */
const SILENCE = 20_000
const SELF = /mulligan-[0-9a-f]{8}/g
const ROUTE = 'routes:\n  - name: all\n    match: { host: "*" }\n    retry: off\n    breaker: off\n    cooldown: off\n'

export async function openStage(lane: 'fast' | 'node'): Promise<VectorStage> {
  let raw = ''
  let wake = (): void => undefined
  let held: Promise<void> | undefined
  let arrived = (): void => undefined
  const script = async ({ method, path }: Seen) => {
    arrived()
    await held
    return method === 'HEAD' ? answer(200, 'ok').slice(0, -2) : answer(200, path === '/next' ? 'next' : 'ok')
  }
  const upstream = await startUpstream(script, {
    onConnection: socket =>
      socket.on('data', chunk => {
        const text = chunk.toString('latin1')
        raw += text
        if (text.includes('\r\nExpect: 100-continue\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        wake()
      }),
  })
  const daemon = await startTestDaemon(`listen: { fast_lane: ${lane === 'fast'} }\n${ROUTE}`)
  return {
    upstream,
    daemon,
    taken: () => {
      const text = raw.replace(SELF, 'SELF')
      raw = ''
      return text
    },
    reached: async count => {
      while (raw.length < count) await new Promise<void>(resolve => (wake = resolve))
    },
    hold: () => {
      let release = (): void => undefined
      held = new Promise(resolve => (release = resolve))
      const came = new Promise<void>(resolve => (arrived = resolve))
      return async () => {
        await came
        // What the client sends behind it is read by after: it is the same process.
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
        held = undefined
        release()
      }
    },
    close: async () => {
      await daemon.close()
      await upstream.close()
    },
  }
}

const filled = (text: string, { authority, port }: TestUpstream): string =>
  text.replaceAll('UP', authority).replaceAll(':PORT', `:${port}`)

const isFinal = (status: number): boolean => status >= 200
const isPassed = (status: number): boolean => status >= 200 && status < 300

/** One of its client's connections, and what came on it. */
class Line {
  readonly socket: Socket
  received = ''
  #wake = (): void => undefined

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setTimeout(SILENCE, () => {
      this.received += '[left open]'
      this.socket.destroy()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('data', chunk => {
      this.received += chunk.toString('latin1')
      this.#wake()
    })
    this.socket.on('close', () => this.#wake())
  }

  get statuses(): readonly number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  }

  get finals(): number {
    return this.statuses.filter(isFinal).length
  }

  /** Until this is so, or the connection is over. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.socket.closed) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  async send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return
      await new Promise<void>(resolve => this.socket.write(piece, () => resolve()))
      // The other side reads in this process.
      if (pieces.length > 1) await new Promise(setImmediate)
    }
  }
}

const NEXT = 'GET http://UP/next HTTP/1.1\r\nHost: UP\r\n\r\n'
const GOT_NEXT = 'GET /next HTTP/1.1\r\nHost: UP\r\nVia: 1.1 SELF\r\n\r\n'

/** Plays one row. @returns what was other than it says */
export async function play(
  stage: VectorStage,
  sent: string,
  outcome: Outcome,
  cut: Cut = bytes => [bytes],
): Promise<string | undefined> {
  const { upstream, daemon } = stage
  const seenBefore = upstream.seen.length
  stage.taken()
  const line = new Line(daemon.port)
  const pieces = cut(Buffer.from(filled(sent, upstream), 'latin1'))
  await line.send(pieces)
  await finish(line, stage, outcome)
  line.socket.destroy()
  const found = [
    ...complaints(line, outcome),
    ...misses(stage, outcome, upstream.seen.length - seenBefore, pieces.length > 1),
  ]
  return found.length === 0 ? undefined : `${found.join('; ')}: ${JSON.stringify(line.received.slice(0, 300))}`
}

/** What the client does when it has sent all of its bytes. */
async function finish(line: Line, stage: VectorStage, { answers, reaches, after }: Outcome): Promise<void> {
  const due = answers.filter(after === 'half' ? isPassed : isFinal).length
  if (after !== 'closed') await line.until(() => line.finals >= due)
  if (after === 'open') {
    await line.send([Buffer.from(filled(NEXT, stage.upstream))])
    await line.until(() => line.received.endsWith('next'))
  }
  if (after === 'tunnel') await stage.reached(reaches?.length ?? 0)
  if (after === 'half') line.socket.end()
  if (after === 'closed' || after === 'half') await line.until(() => false)
}

function complaints({ statuses, received }: Line, { answers, after }: Outcome): string[] {
  const found: string[] = []
  const due = after === 'open' ? [...answers, 200] : answers
  if (statuses.join() !== due.join()) found.push(`answers ${statuses.join() || 'nothing'}`)
  if (received.endsWith('[left open]')) found.push('is left open')
  if (answers.some(status => status >= 400) && !received.includes('application/problem+json'))
    found.push('has no problem document')
  return found
}

/** @param whole requests that the upstream got @param isCut the chunks of a body may be others */
function misses(stage: VectorStage, { answers, reaches, after }: Outcome, whole: number, isCut: boolean): string[] {
  const reached = stage.taken()
  if (reaches === undefined) {
    return whole === answers.filter(isPassed).length ? [] : [`${whole} whole requests reach the upstream`]
  }
  const due = filled(after === 'open' ? reaches + GOT_NEXT : reaches, stage.upstream)
  return reached === due || (isCut && meaning(reached) === meaning(due))
    ? []
    : [`${JSON.stringify(reached.slice(0, 300))} reaches the upstream`]
}

/** Of requests, what does not depend on how they came. */
function meaning(text: string): string {
  const { requests, flaw } = readRequests(text)
  if (flaw !== undefined) return text
  return JSON.stringify(
    requests.map(({ method, target, fields, body, trailers }) => [method, target, fields, body, trailers]),
  )
}
