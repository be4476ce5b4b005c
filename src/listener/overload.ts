import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import { type Admittance, ALL, nextAdmittance } from '../policy/admittance.js'
import type { Cancel, Clock } from '../time/clock.js'
import { millis, seconds } from '../time/units.js'
import { type RefusalReason, refusal } from './refusal.js'

/** How often it looks, while there are clients. */
const EVERY = millis(250)
/** Sooner is no use; who waits longer finds it over. */
const RETRY_AFTER = seconds(1)

const WHY = {
  connections: 'more clients are connected than limits.connections allows',
  memory: 'the process is near limits.memory',
  event_loop: 'the process is busier than limits.event_loop_lag allows',
} as const

/** Turns requests away before the process is too busy or too big to serve any: 503, and nothing of them was sent. */
export class Overload {
  readonly #clock: Clock
  readonly #limits: () => Config['limits']
  readonly #logger: Logger
  /** Share of the memory that may be used. */
  readonly #memory: (most: number | undefined) => number
  #now: Admittance = ALL
  /** Percent of a request that may come: at 100 the next one is let in. */
  #credit = 0
  #dueAt = 0
  #cancel: Cancel | undefined

  constructor(clock: Clock, limits: () => Config['limits'], logger: Logger, memory = memoryShare) {
    this.#clock = clock
    this.#limits = limits
    this.#logger = logger
    this.#memory = memory
  }

  /** Connections close after their answer, and idle ones now. */
  get closes(): boolean {
    return this.#now.closes
  }

  get isOn(): boolean {
    return this.#now.share < ALL.share
  }

  /** @param surplus of a connection beyond those that are served @param running what is being done besides */
  refuses(surplus: boolean, running: { readonly exchanges: number }): RefusalReason | undefined {
    if (surplus) return turnedAway('connections')
    const { share, why } = this.#now
    if (share === ALL.share) return undefined
    this.#credit += share
    if (this.#credit >= ALL.share) {
      this.#credit -= ALL.share
      return undefined
    }
    return running.exchanges === 0 ? undefined : turnedAway(why ?? 'event_loop')
  }

  /** Looks until it is stopped. @param looked is told whether memory is short */
  watch(looked: (isStrained: boolean) => void): void {
    if (this.#cancel !== undefined) return
    const look = () => {
      this.#look(this.#clock.monotonic() - this.#dueAt)
      wait()
      looked(this.#now.closes)
    }
    const wait = () => {
      this.#dueAt = this.#clock.monotonic() + EVERY
      this.#cancel = this.#clock.schedule(EVERY, look)
    }
    wait()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#become(ALL)
  }

  #look(late: number): void {
    const { memory, event_loop_lag } = this.#limits()
    const pressure = { memory: this.#memory(memory), lag: millis(Math.max(0, late)) }
    this.#become(nextAdmittance(this.#now, pressure, event_loop_lag))
  }

  #become(next: Admittance): void {
    const { share } = this.#now
    this.#now = next
    if (share === ALL.share && next.share < ALL.share)
      this.#logger.warn({ why: next.why }, 'overloaded: requests are turned away')
    if (share < ALL.share && next.share === ALL.share) this.#logger.info('no longer overloaded')
  }
}

const turnedAway = (why: keyof typeof WHY): RefusalReason => ({
  ...refusal('overloaded', WHY[why]),
  retryAfter: RETRY_AFTER,
})

/** What a container allows, or what the machine has; and never more of JavaScript's heap than V8 allows. */
function memoryShare(most: number | undefined): number {
  const { used_heap_size, heap_size_limit } = getHeapStatistics()
  return Math.max(residentBytes() / (most ?? MACHINE), used_heap_size / heap_size_limit)
}

/** Linux tells in a file, and there may be none left to open: the heap is known all the same. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    return 0
  }
}

const CONTAINER = process.constrainedMemory()
/** Bytes. */
const MACHINE = CONTAINER > 0 ? Math.min(CONTAINER, totalmem()) : totalmem()
