import { valueAt } from '../json/read.js'
import { type Millis, millis, seconds } from '../time/units.js'
import { type Answer, describeAnswer, readAnswer } from './answer.js'
import type { Reply } from './client.js'
import { type Change, type Frozen, hashed, newOperation, type Operation } from './operation.js'
import { PhaseOver } from './verdict.js'
import type { Identity, World } from './world.js'

/** No answer is waited for longer than this, all waits of a key together. */
export const LONGEST_WAIT = seconds(30)

/** Where a refusal does not say when to come back. */
const BACKOFF = [seconds(1), seconds(2), seconds(4)] as const

/** Where a request that still runs does not say so. */
const POLLS = [100, 250, 500, 1_000, 2_000, 4_000].map(millis)

export type SendOptions = {
  readonly as?: Identity
  readonly headers?: Readonly<Record<string, string>>
  /** On a connection that earlier requests may have used. */
  readonly kept?: boolean
}

/** What a phase did, for the report. */
export type Tally = {
  readonly attempts: number
  /** How often each status came. */
  readonly statuses: Readonly<Record<string, number>>
  /** Hashes of the ids that were seen. */
  readonly ids: readonly string[]
}

/** How a request that may have met its own twin ended. */
export type Resolved = { readonly answer: Answer; readonly met: boolean; readonly exceeded: boolean }

/** The hands of one phase: sends, waits and counts. */
export class Probe {
  readonly world: World
  #attempts = 0
  #slowest = 0
  readonly #statuses = new Map<string, number>()
  readonly #ids = new Set<string>()

  constructor(world: World) {
    this.world = world
  }

  /** The bytes of a new request, or of one that is made again. */
  freeze(change: Change = {}, operation: Operation = newOperation()): Frozen {
    return this.world.templates.freeze(operation, change)
  }

  /** Sends once. @throws NoAnswer */
  async send(frozen: Frozen, { as = 'first', headers = {}, kept = false }: SendOptions = {}): Promise<Answer> {
    const { client, identify } = this.world
    const all = { ...frozen.headers, ...identify(as), ...headers }
    return this.#read(await client.send({ ...frozen, headers: all }, kept))
  }

  /** Sends at once. @throws NoAnswer */
  async sendTogether(requests: readonly Frozen[]): Promise<Answer[]> {
    const { client, identify } = this.world
    const calls = requests.map(frozen => ({ ...frozen, headers: { ...frozen.headers, ...identify('first') } }))
    return (await client.sendTogether(calls)).map(reply => this.#read(reply))
  }

  /** Sends, and again when the limiter says so. @throws PhaseOver when it goes on saying so */
  async patiently(frozen: Frozen, options: SendOptions = {}): Promise<Answer> {
    let answer = await this.send(frozen, options)
    for (const backoff of BACKOFF) {
      if (answer.outcome !== 'limited') return answer
      await this.pause(millis(Math.min(answer.retryAfter ?? backoff, LONGEST_WAIT)))
      answer = await this.send(frozen, options)
    }
    if (answer.outcome !== 'limited') return answer
    throw new PhaseOver('still_rate_limited', 'the target refused for its rate limit, four times in a row')
  }

  /** Makes a resource. @throws PhaseOver when that is refused, or the answer does not say which one it is */
  async create(frozen: Frozen, options: SendOptions = {}): Promise<Answer & { readonly id: string }> {
    const answer = await this.patiently(frozen, options)
    if (answer.outcome !== 'success')
      throw new PhaseOver('request_refused', `the request of the kit was answered ${describeAnswer(answer)}`)
    const { id } = answer
    if (id === undefined) throw new PhaseOver('no_id_or_count', 'the answer has no id where the kit says')
    this.#slowest = Math.max(this.#slowest, answer.reply.answeredAt - answer.reply.startedAt)
    return { ...answer, id }
  }

  /** Waits until a request that meets its own twin has an answer. The same bytes: a 409 can be no mismatch. */
  async resolve(frozen: Frozen, first: Answer): Promise<Resolved> {
    let answer = first
    let waited = 0
    const met = isTwin(first)
    for (let poll = 0; isTwin(answer) || answer.outcome === 'limited'; poll++) {
      const wait = answer.retryAfter ?? POLLS[poll]
      if (wait === undefined) return { answer, met, exceeded: answer.outcome === 'in_flight' }
      if (waited + wait > LONGEST_WAIT) return { answer, met, exceeded: true }
      waited += wait
      await this.pause(wait)
      answer = await this.send(frozen)
    }
    return { answer, met, exceeded: false }
  }

  /** Sends a whole request and does not wait for its answer. */
  async cut(frozen: Frozen): Promise<void> {
    this.#attempts++
    await this.world.client.cut({ ...frozen, headers: { ...frozen.headers, ...this.world.identify('first') } })
    // Its twin must come when this one is done: two at once is what another phase looks at.
    await this.pause(millis(Math.min(2_000, Math.max(150, 3 * this.#slowest))))
  }

  /** How many resources there are; `undefined` when the kit does not know how to ask. @throws PhaseOver */
  async count(): Promise<number | undefined> {
    const { kit, client, identify, templates } = this.world
    const { count } = kit
    if (count === undefined) return undefined
    const headers = { Accept: 'application/json', ...kit.request.headers, ...identify('first') }
    const reply = await client.send({ method: 'GET', path: templates.path(count.path), headers })
    const { json } = readAnswer(reply, kit, this.world.clock.now())
    const value = valueAt(json, count.at)
    const number = Array.isArray(value) ? value.length : typeof value === 'string' ? Number(value) : value
    if (typeof number === 'number' && Number.isFinite(number)) return number
    throw new PhaseOver('no_id_or_count', `the count of the kit was answered ${reply.status}, without a number`)
  }

  /** Resources since a count; `undefined` when nobody counts. */
  async added(before: number | undefined): Promise<number | undefined> {
    const after = await this.count()
    return before === undefined || after === undefined ? undefined : after - before
  }

  #read(reply: Reply): Answer {
    const { kit, clock, made } = this.world
    const answer = readAnswer(reply, kit, clock.now())
    this.#attempts++
    this.#statuses.set(String(answer.status), (this.#statuses.get(String(answer.status)) ?? 0) + 1)
    if (answer.outcome === 'success' && answer.id !== undefined) {
      this.#ids.add(answer.id)
      made.add(answer.id)
    }
    return answer
  }

  pause(span: Millis): Promise<void> {
    return new Promise(resolve => this.world.clock.schedule(span, resolve))
  }

  /** What was done so far. */
  tally(): Tally {
    const ids = [...this.#ids].map(hashed)
    return { attempts: this.#attempts, statuses: Object.fromEntries([...this.#statuses].sort()), ids }
  }
}

const isTwin = ({ outcome, status }: Answer): boolean => outcome === 'in_flight' || status === 409
