import type { Config, ListenAddress } from '../config/config.js'
import type { Prepared } from '../engine.js'
import { MintedKeys } from '../idempotency/minted-keys.js'
import type { Log } from '../log/log.js'
import type { ExchangeView } from '../serving/views.js'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis, seconds } from '../time/units.js'
import { CrewMember, type MemberWorld } from './crew-member.js'
import { LinkError } from './link.js'
import type { Addresses, Minted, Order, Renewal, TokenAnswer, TokenQuestion, WorkerCalls } from './protocol.js'
import { shareOf } from './share.js'

/** A worker that lived shorter than this ended because of something that will end the next one, too. */
const LIVED = seconds(10)
const FIRST_PAUSE = seconds(0.5)
const LONGEST_PAUSE = seconds(30)
/** Workers cut what runs by themselves; one that does not even do that is ended. */
const GRACE = seconds(5)
/** From its fork until it serves. */
const START_WITHIN = seconds(60)
const PREPARE_WITHIN = seconds(30)
const COMMIT_WITHIN = seconds(10)

type About<W extends keyof WorkerCalls> = Parameters<WorkerCalls[W]>[0]
type Answers<W extends keyof WorkerCalls> = (readonly [CrewMember, Awaited<ReturnType<WorkerCalls[W]>>])[]

/** A worker's place: it is filled again when who had it ends. */
type Berth = {
  /** Serves. */
  member: CrewMember | undefined
  /** Loads, or has not heard yet of the configuration in force. */
  coming: CrewMember | undefined
  /** How many in a row did not live long. */
  failures: number
  cancel: Cancel | undefined
}

export type CrewWorld = {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly log: Log
  /** What all are called in `Via`. */
  readonly pseudonym: string
  readonly token: (question: TokenQuestion) => Promise<TokenAnswer>
}

/** The workers: as many as there shall be, all under one configuration, and each replaced when it dies. */
export class Crew {
  readonly #world: CrewWorld
  readonly #berths: readonly Berth[]
  readonly #own: ListenAddress[] = []
  /** For those that come later: the repeat of a request may reach one of them (R11). */
  readonly #minted: MintedKeys
  #config: Config
  #version = 1
  #watched = false
  #draining = false
  #onLost: (member: CrewMember) => void = () => undefined
  #onExchanges: (exchanges: readonly ExchangeView[], missed: number) => void = () => undefined

  constructor(config: Config, world: CrewWorld) {
    this.#config = config
    this.#world = world
    this.#minted = new MintedKeys(world.clock)
    this.#berths = Array.from({ length: config.workers }, () => ({
      member: undefined,
      coming: undefined,
      failures: 0,
      cancel: undefined,
    }))
    // However this process ends, short of being killed, it leaves nobody behind.
    process.once('exit', () => this.#killAll())
  }

  /** All of them, or none. @returns where they listen @throws as `startEngine` */
  async start(): Promise<Addresses> {
    const started = await Promise.allSettled(this.#berths.map(berth => this.#fill(berth)))
    const [first] = started
    const reasons = started.flatMap(result => (result.status === 'rejected' ? [result.reason as Error] : []))
    if (reasons.length === 0 && first?.status === 'fulfilled') return first.value
    this.#draining = true
    this.#killAll()
    // One that ended may have ended because of what another one can tell.
    throw reasons.find(reason => !(reason instanceof LinkError)) ?? reasons[0]
  }

  onLost(listener: (member: CrewMember) => void): void {
    this.#onLost = listener
  }

  onExchanges(listener: (exchanges: readonly ExchangeView[], missed: number) => void): void {
    this.#onExchanges = listener
  }

  /** Answers of those who gave one in time. @param onAnswer told of each as it comes */
  async ask<W extends keyof WorkerCalls>(
    what: W,
    about: About<W>,
    within: Millis,
    onAnswer: (member: CrewMember, answer: Answers<W>[number][1]) => void = () => undefined,
  ): Promise<Answers<W>> {
    const answers: Answers<W> = []
    const ask = async (member: CrewMember) => {
      const answer = await member.link.ask(what, about, within)
      onAnswer(member, answer)
      answers.push([member, answer])
    }
    await Promise.allSettled(this.#members.map(ask))
    return answers
  }

  addOwn(address: ListenAddress): void {
    this.#own.push(address)
    for (const { link } of this.#all) link.tell('own', address)
  }

  /** From now on workers tell of their exchanges, or do not. */
  watch(watched: boolean): void {
    if (watched === this.#watched) return
    this.#watched = watched
    for (const { link } of this.#all) link.tell('watch', watched)
  }

  renewed(renewal: Renewal): void {
    for (const { link } of this.#all) link.tell('renewed', renewal)
  }

  /**
   * Every worker has all of it that can fail; who dies meanwhile is replaced under what is then in force.
   * @throws as `startEngine`, Error when one does not answer, or none is there
   */
  async prepare(config: Config): Promise<Prepared> {
    const share = shareOf(config, this.#berths.length)
    const members = this.#members
    const results = await Promise.allSettled(members.map(({ link }) => link.ask('prepare', share, PREPARE_WITHIN)))
    const discard = () => {
      // Also to one that is silent: it may be ready later.
      for (const { link } of members) link.tell('discard', undefined)
    }
    const ready: CrewMember[] = []
    const refusals: unknown[] = []
    for (const [i, member] of members.entries()) {
      const result = results[i]
      const reason: unknown = result?.status === 'rejected' ? result.reason : undefined
      if (result?.status === 'fulfilled') ready.push(member)
      else if (!(reason instanceof LinkError)) refusals.push(reason)
      else if (reason.isSilent) refusals.push(new Error(`worker ${member.pid} does not answer: ${reason.message}`))
    }
    if (refusals.length === 0 && ready.length > 0) return { commit: () => this.#commit(config, ready), discard }
    discard()
    // What nobody has tried may be what nobody can start with.
    throw refusals[0] ?? new Error('no worker is there to try it; reload again when one is')
  }

  /** @returns nothing had to be cut, in none of them */
  async drain(limit: Millis): Promise<boolean> {
    this.#draining = true
    const { clock } = this.#world
    const running = this.#all.filter(({ version }) => version > 0)
    for (const { cancel, coming } of this.#berths) {
      cancel?.()
      // One that was told to begin may listen already.
      if (coming?.version === 0) coming.kill()
    }
    const cancel = clock.schedule(millis(limit + GRACE), () => this.#killAll())
    const clean = await Promise.all(running.map(member => this.#retire(member)))
    cancel()
    return clean.every(one => one)
  }

  get draining(): boolean {
    return this.#draining
  }

  /** So many do not serve that should. */
  get missing(): number {
    return this.#berths.length - this.#members.length
  }

  /** Those that serve. */
  get #members(): readonly CrewMember[] {
    return this.#berths.flatMap(({ member }) => (member ? [member] : []))
  }

  get #all(): readonly CrewMember[] {
    return this.#berths.flatMap(({ member, coming }) => [...(member ? [member] : []), ...(coming ? [coming] : [])])
  }

  #killAll(): void {
    for (const member of this.#all) member.kill()
  }

  async #retire(member: CrewMember): Promise<boolean> {
    const clean = await member.link.ask('drain', undefined).catch(() => false)
    member.release()
    await member.closed
    return clean
  }

  async #commit(config: Config, ready: readonly CrewMember[]): Promise<void> {
    this.#config = config
    this.#version++
    const taken = ready.map(member => {
      member.version = this.#version
      return [member, member.link.ask('commit', undefined, COMMIT_WITHIN)] as const
    })
    // Came while the others prepared.
    const late = this.#members.filter(({ version }) => version !== this.#version)
    const all = [...taken, ...late.map(member => [member, this.#bringUp(member)] as const)]
    // What it does not take it cannot serve: another one begins with it.
    await Promise.all(all.map(([member, done]) => done.catch(() => member.kill('it did not take a configuration'))))
  }

  /** From the configuration that it is under to that in force. @throws as `startEngine`, LinkError */
  async #bringUp(member: CrewMember): Promise<void> {
    const version = this.#version
    await member.link.ask('prepare', shareOf(this.#config, this.#berths.length), PREPARE_WITHIN)
    await member.link.ask('commit', undefined, COMMIT_WITHIN)
    member.version = version
  }

  /** @throws as `startEngine`, LinkError when it died */
  async #fill(berth: Berth): Promise<Addresses> {
    const member = new CrewMember(this.#memberWorld())
    berth.coming = member
    void member.ended.then(({ code, signal, why }) => {
      const { logger } = this.#world.log
      if (!this.#draining)
        logger.error({ pid: member.pid, ...(signal === null ? { code } : { signal }), why }, 'worker ended')
    })
    const cancel = this.#world.clock.schedule(START_WITHIN, () => member.kill('it does not begin'))
    try {
      const addresses = await member.start(() => this.#orderFor(member))
      // Nothing between the last look and its place: a commit looks there.
      while (member.version !== this.#version) await this.#bringUp(member)
      berth.member = member
      void member.ended.then(() => this.#lose(berth, member))
      return addresses
    } catch (error) {
      member.kill()
      throw error
    } finally {
      cancel()
      berth.coming = undefined
    }
  }

  #orderFor(member: CrewMember): Order {
    member.version = this.#version
    const config = shareOf(this.#config, this.#berths.length)
    const { pseudonym } = this.#world
    return { config, pseudonym, own: this.#own, watched: this.#watched, minted: this.#minted.known() }
  }

  #memberWorld(): MemberWorld {
    const { env, clock, log, token } = this.#world
    const minted = (minted: Minted) => {
      this.#minted.learn(minted.name, minted.key)
      for (const { link } of this.#all) link.tell('minted', minted)
    }
    return {
      env,
      clock,
      handlers: { token, minted, exchanges: group => this.#onExchanges(group.exchanges, group.missed) },
      onOutput: lines => log.write(lines),
    }
  }

  #lose(berth: Berth, member: CrewMember): void {
    berth.member = undefined
    this.#onLost(member)
    this.#refill(berth, member.startedAt)
  }

  /** At once, unless the last ones did not live long either. */
  #refill(berth: Berth, startedAt: number): void {
    if (this.#draining) return
    const { clock, log } = this.#world
    berth.failures = clock.monotonic() - startedAt < LIVED ? berth.failures + 1 : 0
    const pause = berth.failures < 2 ? 0 : Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (berth.failures - 2))
    berth.cancel = clock.schedule(millis(pause), () => {
      const begin = clock.monotonic()
      this.#fill(berth).then(
        () => log.logger.info({ pid: berth.member?.pid }, 'worker replaced'),
        (error: Error) => {
          if (this.#draining) return
          log.logger.error({ error: error.message }, 'a worker cannot start')
          this.#refill(berth, begin)
        },
      )
    })
  }
}
