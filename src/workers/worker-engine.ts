import type { ListenAddress } from '../config/config.js'
import type { Engine, Prepared } from '../engine.js'
import { startEngine } from '../engine.js'
import { MintedKeys } from '../idempotency/minted-keys.js'
import { guardProcess } from '../log/guard-process.js'
import { createLog, type Log } from '../log/log.js'
import type { ExchangeView } from '../serving/views.js'
import { systemClock } from '../time/clock.js'
import { type Handlers, Link } from './link.js'
import { plain } from './metric-sums.js'
import type { Order, PrimaryCalls, Renewal, WorkerCalls } from './protocol.js'
import { tokenSource } from './token-source.js'

/** An engine that does what the primary says, in a process of its own, which ends when the primary lets go of it. */
export function serveAsWorker(world: NodeJS.Process): void {
  const worker = new WorkerEngine(message => void world.send?.(message, undefined, undefined, () => undefined))
  world.on('message', message => worker.link.receive(message))
  world.once('disconnect', () => {
    worker.end().then(
      () => world.exit(0),
      () => world.exit(1),
    )
  })
  worker.link.tell('hello', undefined)
}

class WorkerEngine {
  readonly link: Link<PrimaryCalls, WorkerCalls>
  readonly #minted: MintedKeys
  readonly #renewals = new Set<(renewal: Renewal) => void>()
  #starting: Promise<unknown> | undefined
  #started: { readonly engine: Engine; readonly log: Log } | undefined
  /** What came while it started, too. */
  readonly #own: ListenAddress[] = []
  #watched = false
  #endWatch: (() => void) | undefined
  /** The primary has not taken the last group of exchanges; so many ended since. */
  #untaken = false
  #missed = 0
  #prepared: Prepared | undefined
  /** The last of what is done one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #drained: Promise<boolean> | undefined

  constructor(send: (message: unknown) => void) {
    this.link = new Link<PrimaryCalls, WorkerCalls>(send, this.#handlers(), systemClock)
    this.#minted = new MintedKeys(systemClock, (name, key) => this.link.tell('minted', { name, key }))
  }

  /** The primary let go, or is gone: what runs is finished, nothing begins. */
  async end(): Promise<void> {
    this.link.break()
    await this.#starting?.catch(() => undefined)
    if (this.#started === undefined) return
    await this.#drain()
    await this.#started.log.flush()
  }

  #handlers(): Handlers<WorkerCalls> {
    return {
      start: order => {
        const started = this.#start(order)
        this.#starting = started
        return started
      },
      prepare: config =>
        this.#inTurn(async () => {
          this.#prepared = await this.#engine.prepare(config)
        }),
      commit: () => this.#decide(prepared => prepared.commit()),
      discard: () => this.#decide(prepared => prepared.discard()),
      own: address => {
        this.#own.push(address)
        this.#started?.engine.addOwn(address)
      },
      load: () => this.#engine.serving.load(),
      metrics: async () => plain(await this.#engine.serving.metrics()),
      counts: () => this.#engine.serving.counts(),
      exchanges: query => this.#engine.serving.exchanges(query),
      exchange: id => this.#engine.serving.exchange(id),
      breakers: () => this.#engine.serving.breakers(),
      resetBreaker: origin => this.#engine.serving.resetBreaker(origin),
      watch: watched => this.#watch(watched),
      renewed: renewal => {
        for (const listener of this.#renewals) listener(renewal)
      },
      minted: ({ name, key }) => this.#minted.learn(name, key),
      drain: () => this.#drain(),
    }
  }

  /** @throws Error when it has not started */
  get #engine(): Engine {
    if (this.#started === undefined) throw new Error('this worker has not started')
    return this.#started.engine
  }

  async #start({ config, pseudonym, own, watched, minted }: Order): Promise<Pick<Engine, 'proxy' | 'mounts'>> {
    // Before the first wait: what is told from now on is newer.
    this.#own.push(...own)
    this.#watched = watched
    for (const { name, key, age } of minted) this.#minted.learn(name, key, age)
    // The primary makes them readable where they are to be read by people.
    const log = createLog({ ...config.log, format: 'json' }, false)
    guardProcess(log)
    const desk = {
      ask: (question: Parameters<PrimaryCalls['token']>[0]) => this.link.ask('token', question),
      onRenewed: (listener: (renewal: Renewal) => void) => {
        this.#renewals.add(listener)
        return () => this.#renewals.delete(listener)
      },
    }
    const engine = await startEngine(config, process.env, log, {
      place: { pseudonym, openSource: (name, source) => tokenSource(name, source, desk), minted: this.#minted },
    })
    for (const address of this.#own) engine.addOwn(address)
    this.#started = { engine, log }
    this.#watch(this.#watched)
    return { proxy: engine.proxy, mounts: engine.mounts }
  }

  #decide(act: (prepared: Prepared) => void | Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const prepared = this.#prepared
      this.#prepared = undefined
      if (prepared) await act(prepared)
    })
  }

  /** The word on a configuration may come before it is ready. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(task)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  #watch(watched: boolean): void {
    this.#watched = watched
    this.#endWatch?.()
    this.#endWatch = watched
      ? this.#started?.engine.serving.watch((exchanges, missed) => this.#tell(exchanges, missed))
      : undefined
  }

  /** One group at a time: what a primary that is busy does not take fills no memory here. */
  #tell(exchanges: readonly ExchangeView[], missed: number): void {
    this.#missed += missed
    if (this.#untaken) {
      this.#missed += exchanges.length
      return
    }
    const group = { exchanges, missed: this.#missed }
    this.#missed = 0
    this.#untaken = true
    const taken = () => {
      this.#untaken = false
    }
    this.link.ask('exchanges', group).then(taken, taken)
  }

  async #drain(): Promise<boolean> {
    await this.#starting
    this.#drained ??= this.#engine.drain()
    return this.#drained
  }
}
