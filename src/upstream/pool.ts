import type { Clock } from '../time/clock.js'
import type { Connection } from './connection.js'

/** An upstream that closes idle sockets without saying when is assumed to do so after 5 s; we leave first (R3). */
export const IDLE_LIMIT = 4_000
/** A request that must not be repeated only trusts a socket that was in use this recently (R3). */
export const TRUSTED_IDLE = 1_000
/** Idle sockets kept per origin; the oldest goes first. */
const IDLE_MAX = 256

/** The idle connections of one origin, newest on top, so that the rest can grow old and close. */
export class Pool {
  readonly #clock: Clock
  readonly #idle: Connection[] = []
  /** Raised when a reused socket died under a request; nothing is reused until a fresh one has worked. */
  #distrusted = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#idle.length
  }

  /** @param trusted only a socket whose death would be a surprise, for requests that cannot be repeated */
  take(trusted: boolean): Connection | undefined {
    if (this.#distrusted) return undefined
    const connection = this.#idle.at(-1)
    if (connection === undefined) return undefined
    const idle = this.#clock.lately() - connection.idleSince
    if (trusted && idle >= TRUSTED_IDLE) return undefined
    if (idle >= idleLimit(connection)) {
      this.sweep()
      return this.take(trusted)
    }
    this.#idle.pop()
    return connection
  }

  put(connection: Connection): void {
    if (connection.uses === 1) this.#distrusted = false
    if (idleLimit(connection) <= 0) return connection.destroy()
    connection.idleSince = this.#clock.lately()
    this.#idle.push(connection)
    if (this.#idle.length > IDLE_MAX) this.#idle[0]?.destroy()
  }

  /** The connection died or was closed while idle. */
  drop(connection: Connection): void {
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  /** A reused socket died before a byte came back: its siblings are as old. */
  distrust(): void {
    this.#distrusted = true
    this.clear()
  }

  /** Closes what has been idle too long. */
  sweep(): void {
    const now = this.#clock.monotonic()
    for (const connection of [...this.#idle]) {
      if (now - connection.idleSince >= idleLimit(connection)) connection.destroy()
    }
  }

  clear(): void {
    for (const connection of [...this.#idle]) connection.destroy()
  }
}

function idleLimit(connection: Connection): number {
  const announced = connection.announcedIdle
  return announced === undefined ? IDLE_LIMIT : Math.min(IDLE_LIMIT, (announced - 1) * 1_000)
}
