import type { FastifyReply, FastifyRequest } from 'fastify'
import { REMEMBERED } from '../serving/exchange-history.js'
import type { Serving } from '../serving/serving.js'
import type { ExchangeView } from '../serving/views.js'
import type { Cancel, Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import { EventStream, eventText } from './event-stream.js'
import { AdminProblem } from './problem.js'
import { SECURITY_FIELDS } from './security-fields.js'

/** A page, a terminal and some forgotten ones. */
const STREAMS_MAX = 16
const LOOKED_EVERY = seconds(1)
/** In looks: proxies and browsers give up on a stream that says nothing. */
const HEARTBEAT_EVERY = 15

const HEAD = {
  ...SECURITY_FIELDS,
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** `GET /v1/events`: all readers share one watch on what serves; without a reader there is none, and no timer. */
export class Events {
  readonly #serving: Serving
  readonly #clock: Clock
  readonly #streams = new Set<EventStream>()
  #endWatch: Cancel | undefined
  #endLooks: Cancel | undefined
  #load = ''
  #looks = 0

  constructor(serving: Serving, clock: Clock) {
    this.#serving = serving
    this.#clock = clock
  }

  /** Who comes back with a `Last-Event-ID` is told what ended since; some of it twice, perhaps. @throws AdminProblem */
  async open(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (this.#streams.size >= STREAMS_MAX) {
      const detail = `${STREAMS_MAX} streams are open, and there are no more: close one`
      throw new AdminProblem('too_many_streams', detail, { 'retry-after': '5' })
    }
    reply.hijack()
    const { raw } = reply
    // It left before it was let in: nothing would tell us any more.
    if (raw.destroyed) return
    raw.writeHead(200, HEAD).flushHeaders()
    const stream = new EventStream(raw)
    raw.on('close', () => this.#leave(stream))
    raw.on('error', () => this.#leave(stream))
    this.#join(stream)
    await this.#begin(stream, request.headers['last-event-id']).catch(() => stream.end())
  }

  /** Every stream ends; those who read them may come again when there is somebody to come to. */
  close(): void {
    for (const stream of this.#streams) {
      stream.end()
      this.#leave(stream)
    }
  }

  async #begin(stream: EventStream, last: string | readonly string[] | undefined): Promise<void> {
    const load = eventText('load', await this.#serving.load())
    // All know the same one: whoever does not would not be told when it is over.
    if (load === this.#load) stream.mention(load)
    else this.#tellLoad(load)
    if (typeof last === 'string' && last !== '') stream.tell(...(await this.#since(last)))
  }

  #join(stream: EventStream): void {
    this.#streams.add(stream)
    if (this.#streams.size > 1) return
    this.#endWatch = this.#serving.watch((exchanges, missed) => {
      const events = exchanges.map(exchangeEvent)
      for (const each of this.#streams) each.tell(events, missed)
    })
    this.#look()
  }

  #leave(stream: EventStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return
    this.#endWatch?.()
    this.#endLooks?.()
    this.#load = ''
  }

  /** Tells the load when it is another than a second ago, and now and then that the stream lives. */
  #look(): void {
    this.#endLooks = this.#clock.schedule(LOOKED_EVERY, () => {
      this.#look()
      this.#looks++
      if (this.#looks % HEARTBEAT_EVERY === 0) this.#mention(':\n\n')
      this.#serving.load().then(
        load => {
          const event = eventText('load', load)
          if (event !== this.#load) this.#tellLoad(event)
        },
        () => undefined,
      )
    })
  }

  #tellLoad(event: string): void {
    this.#load = event
    this.#mention(event)
  }

  #mention(event: string): void {
    for (const stream of this.#streams) stream.mention(event)
  }

  /** What ended after the exchange of this id, the oldest first; when that is forgotten, how many there are to ask for. */
  async #since(id: string): Promise<[events: string[], missed: number]> {
    const latest = await this.#serving.exchanges({ limit: REMEMBERED })
    const known = latest.findIndex(exchange => exchange.id === id)
    if (known < 0) return [[], latest.length]
    return [latest.slice(0, known).reverse().map(exchangeEvent), 0]
  }
}

const exchangeEvent = (exchange: ExchangeView): string => eventText('exchange', exchange, exchange.id)
