import { MAX_TIMER, type Millis, millis } from './units.js'

export type Cancel = () => void

/** Time as a parameter: tests pass a manual clock, the daemon passes `systemClock`. */
export type Clock = {
  /** Wall time in Unix milliseconds: for dates in headers and logs. */
  readonly now: () => number
  /** Milliseconds from an arbitrary start that never jump: for every wait, age and deadline. */
  readonly monotonic: () => number
  /** The same where microseconds do not matter: what was read last may serve again while one read is handled (`atOnce`). */
  readonly lately: () => number
  /** Runs `task` once, never earlier than `delay` from now. @throws RangeError when `delay` is NaN. */
  readonly schedule: (delay: Millis, task: () => void) => Cancel
}

/** A number in [0, 1). */
export type Random = () => number

function schedule(delay: Millis, task: () => void): Cancel {
  if (Number.isNaN(delay)) throw new RangeError('a timer needs a number')
  const dueAt = performance.now() + delay
  let timer: NodeJS.Timeout
  const arm = (left: number) => {
    timer = setTimeout(wake, Math.min(Math.ceil(left), MAX_TIMER))
  }
  // Node may fire up to a millisecond early, and keeps no delay above 2^31-1 ms: both end here.
  const wake = () => {
    const left = dueAt - performance.now()
    if (left > 0) arm(left)
    else task()
  }
  arm(Math.max(0, delay))
  return () => clearTimeout(timer)
}

let isAtOnce = false
let latest: number | undefined

function monotonic(): number {
  latest = performance.now()
  return latest
}

const lately = (): number => (isAtOnce && latest !== undefined ? latest : monotonic())

/**
 * Handles bytes that were read, which takes microseconds: till then `lately` reads the clock once, at most. A request asked
 * fourteen times else, a fortieth of what it costs.
 */
export function atOnce<T, R>(handle: (bytes: T) => R, bytes: T): R {
  isAtOnce = true
  latest = undefined
  try {
    return handle(bytes)
  } finally {
    isAtOnce = false
  }
}

export const systemClock: Clock = { now: Date.now, monotonic, lately, schedule }

export const systemRandom: Random = Math.random

/** What is left until `dueAt` (monotonic), never negative. */
export const timeLeft = (clock: Clock, dueAt: number): Millis => millis(Math.max(0, dueAt - clock.monotonic()))

/**
 * Marks this moment. @returns asks what it is called (Unix milliseconds) by a wall clock that may have been set back since,
 * and never more than it was called then, for the machine may have slept: an expiry that counts from it is not too late
 */
export function markTime(clock: Clock): () => number {
  const [wall, at] = [clock.now(), clock.monotonic()]
  // The wall clock has whole milliseconds: less than one is no setting back.
  return () => Math.min(wall, Math.ceil(clock.now() - (clock.monotonic() - at)))
}
