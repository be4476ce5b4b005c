import type { Millis } from '../time/units.js'

/** What the process is under, as it was just read. */
export type Pressure = {
  /** Of the memory it may have, 0 to 1 and more. */
  readonly memory: number
  /** How late its event loop is. */
  readonly lag: Millis
}

/** How many of the requests that come are let in, and why not all. */
export type Admittance = {
  /** Percent, 10 to 100. */
  readonly share: number
  readonly why: 'memory' | 'event_loop' | undefined
  /** The event loop was late when last looked at: once may be a pause of the machine. */
  readonly wasLate: boolean
  /** Connections are closed instead of kept. */
  readonly closes: boolean
}

const WHOLE = 100

/** Unless something is the matter. */
export const ALL: Admittance = { share: WHOLE, why: undefined, wasLate: false, closes: false }

/** Of the memory: from here on connections close after their answer, from there on requests are turned away. */
const CLOSING = 0.92
const REFUSING = 0.95
/** What is never turned away: memory that is not given back would otherwise shut the door for ever. */
const LEAST = 10
/** The share that can be served is found within seconds, in both directions. */
const LESS = 0.7
const MORE = 10

/** The share of the next quarter of a second, by what the last one was like: quickly less, slowly more. */
export function nextAdmittance(before: Admittance, { memory, lag }: Pressure, lagLimit: Millis): Admittance {
  const isLate = lag > lagLimit
  const closes = memory >= CLOSING
  const why = memory >= REFUSING ? 'memory' : isLate && before.wasLate ? 'event_loop' : undefined
  if (why !== undefined)
    return { share: Math.max(LEAST, Math.floor(before.share * LESS)), why, wasLate: isLate, closes }
  if (before.share === WHOLE) return isLate || closes ? { ...ALL, wasLate: isLate, closes } : ALL
  const share = Math.min(WHOLE, before.share + MORE)
  return { share, why: share === WHOLE ? undefined : before.why, wasLate: isLate, closes }
}
