import type { Load } from '../src/metrics/load.js'
import type { ExchangeView } from '../src/serving/views.js'
import { type Answers, ask } from './api.js'
import { Changes } from './changes.js'
import { ExchangeLog } from './exchange-log.js'
import { type Kind, parseFilter } from './filter.js'
import { Stream, type StreamState } from './stream.js'

/** How often the panels are asked for while the page is looked at, and the ledger, which is read from a disk; milliseconds. */
const POLL_EVERY = 2_000
const LEDGER_EVERY = 10_000

/** All that the page knows and shows. Parts of it change together, so they are told of together. */
export class Session {
  readonly changes = new Changes()
  readonly log = new ExchangeLog()
  connection: StreamState = { kind: 'connecting' }
  load: Load | undefined
  readonly answers: Partial<Answers> = {}
  /** Ended, and could not be told. */
  missed = 0
  text = ''
  kinds: readonly Kind[] = []
  /** The id of the row that the keyboard is at. */
  active: string | undefined
  /** It stays when it falls out of the log. */
  opened: ExchangeView | undefined
  readonly #stream: Stream
  #polling = false
  #ledgerAt = Number.NEGATIVE_INFINITY

  constructor() {
    this.#stream = new Stream({
      onExchanges: exchanges => this.#change(() => this.log.add(exchanges)),
      onMissed: count =>
        this.#change(() => {
          this.missed += count
        }),
      onLoad: load =>
        this.#change(() => {
          this.load = load
        }),
      onState: state => this.#change(() => this.#connected(state)),
    })
    document.addEventListener('visibilitychange', () => void this.#poll())
    setInterval(() => void this.#poll(), POLL_EVERY)
    void this.#poll()
  }

  filterBy(text: string, kinds: readonly Kind[]): void {
    this.#change(() => {
      this.text = text
      this.kinds = kinds
      this.log.filter = parseFilter(text, kinds)
    })
  }

  togglePause(): void {
    this.#change(() => (this.log.paused ? this.log.resume() : this.log.pause()))
  }

  /** Moves the keyboard's row; the open exchange, if any, follows it. */
  activate(id: string | undefined): void {
    this.#change(() => {
      this.active = id
      if (this.opened !== undefined && id !== undefined) this.opened = this.log.get(id)
    })
  }

  open(id: string): void {
    this.#change(() => {
      this.active = id
      this.opened = this.log.get(id)
    })
  }

  close(): void {
    this.#change(() => {
      this.opened = undefined
    })
  }

  retry(): void {
    this.#stream.retry()
  }

  #connected(state: StreamState): void {
    const back = state.kind === 'open' && this.connection.kind !== 'open'
    this.connection = state
    if (back) void this.#poll()
  }

  async #poll(): Promise<void> {
    if (this.#polling || document.hidden || this.connection.kind === 'lost') return
    this.#polling = true
    const pays = this.answers.routes?.routes.some(({ wallet }) => wallet !== null) === true
    const isLedgerDue = pays && performance.now() - this.#ledgerAt >= LEDGER_EVERY
    if (isLedgerDue) this.#ledgerAt = performance.now()
    await Promise.all([
      ...(['status', 'routes', 'credentials', 'breakers'] as const).map(name => this.#ask(name)),
      ...(isLedgerDue ? [this.#ask('ledger', '?since=1h')] : []),
    ])
    this.#polling = false
  }

  /** One that fails leaves what was known; that the daemon is away is what the stream finds out. */
  async #ask(name: keyof Answers, query = ''): Promise<void> {
    const answer = await ask(name, query).catch(() => undefined)
    if (answer !== undefined) this.#change(() => Object.assign(this.answers, { [name]: answer }))
  }

  #change(act: () => void): void {
    act()
    this.changes.tell()
  }
}
