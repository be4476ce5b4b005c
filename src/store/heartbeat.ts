import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import type { Cancel, Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { Put, Store } from './store.js'

/** How often a process that holds something says that it lives. */
const EVERY = seconds(1)
/** A process that said nothing for this long is dead, and what it held is uncertain (I12, P10). */
const LASTS = seconds(3)

const PREFIX = 'instance/'

export const instanceKey = (instance: string): string => `${PREFIX}${instance}`

/** This process: a number is given again, after a restart of a container even at once. */
const SELF = randomUUID()

/** Says in the store that this process lives, as long as it holds claims or purchases: without one it has no timer. */
export class Heartbeat {
  readonly instance: string
  readonly #store: Store
  readonly #clock: Clock
  readonly #onBeat: () => void
  readonly #options: { readonly flushed?: boolean }
  readonly #value = Buffer.from(JSON.stringify({ home: findHome(), pid: process.pid, process: SELF }))
  #held = 0
  #cancel: Cancel | undefined
  /** Unix milliseconds: what the store has of us ends then. */
  #until = 0

  /** @param onBeat called about once a second while something is held @param options of every update of this store */
  constructor(
    store: Store,
    clock: Clock,
    instance: string,
    onBeat: () => void,
    options: { readonly flushed?: boolean } = {},
  ) {
    this.#store = store
    this.#clock = clock
    this.instance = instance
    this.#onBeat = onBeat
    this.#options = options
  }

  /** To be written together with what is held, which would be a dead one's without it; `undefined` when the last is fresh. */
  due(): Put | undefined {
    const left = this.#until - this.#clock.now()
    // By the wall clock, as the store counts: also when somebody has just set it.
    if (left > LASTS - EVERY && left <= LASTS) return undefined
    return { key: instanceKey(this.instance), value: this.#value, expiresAt: this.#clock.now() + LASTS }
  }

  /** `put` is in the store. */
  wrote(put: Put | undefined): void {
    if (put !== undefined) this.#until = put.expiresAt
  }

  /** One more is held. */
  hold(): void {
    this.#held++
    this.#cancel ??= this.#clock.schedule(EVERY, () => this.#beat())
  }

  /** One less. */
  drop(): void {
    this.#held--
    if (this.#held === 0) this.stop()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #beat(): void {
    this.#cancel = this.#clock.schedule(EVERY, () => this.#beat())
    const key = instanceKey(this.instance)
    const put = { key, value: this.#value, expiresAt: this.#clock.now() + LASTS }
    // A store that is away for longer than this lasts makes what we hold look uncertain: the owner token still guards it.
    this.#store
      .update([key], () => ({ result: undefined, puts: [put] }), this.#options)
      .then(
        () => this.wrote(put),
        () => undefined,
      )
    this.#onBeat()
  }
}

/**
 * Whether the process that wrote this heartbeat is dead: at once where both run on one kernel, so that a daemon that was
 * killed and started again need not wait for its own ghost. @param value `undefined` when it has ended
 */
export function isGone(value: Buffer | undefined): boolean {
  const beat = value === undefined ? undefined : parseBeat(value)
  if (beat === undefined) return true
  if (beat.home === undefined || beat.home !== findHome()) return false
  return beat.pid === process.pid ? beat.process !== SELF : !isAlive(beat.pid)
}

let home: string | undefined

/** Where process numbers mean the same: one boot of one kernel, one namespace. `undefined` where that cannot be told. */
function findHome(): string | undefined {
  if (home !== undefined || process.platform !== 'linux') return home
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    home = `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    // A sandbox without /proc: then the heartbeat's end is the only sign.
  }
  return home
}

type Beat = { readonly home: string | undefined; readonly pid: number; readonly process: unknown }

function parseBeat(value: Buffer): Beat | undefined {
  try {
    const { home, pid, process } = JSON.parse(value.toString()) as Record<string, unknown>
    return typeof pid === 'number' ? { home: typeof home === 'string' ? home : undefined, pid, process } : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
