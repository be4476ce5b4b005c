import type { Errand } from './errand.js'
import { isExplained, type Seen } from './explained.js'

/** What clients saw, added up. */
export type Tally = {
  requests: number
  /** Upstream's answers by status. */
  readonly statuses: Record<string, number>
  /** The daemon's own answers by code. */
  readonly codes: Record<string, number>
  /** Answers that visibly broke off. */
  broken: number
  /** Answers and bytes that belong to another request. */
  foreign: number
  /** Answers that ended well and were not whole, or not what was sent. */
  cutAsWhole: number
  /** What nothing that was done explains, by what it was. */
  readonly unexplained: Record<string, number>
  /** The first few of them, in words. */
  readonly samples: string[]
  /** Answers of the daemon's own that hold a secret. */
  leaks: number
  /** Connections that ended upgraded and had passed every byte. */
  upgraded: number
  /** Clients that left, never read, or never asked. */
  rude: number
}

/** Enough to see what is wrong. */
const SAMPLES = 20

export const newTally = (): Tally => ({
  ...{ requests: 0, broken: 0, foreign: 0, cutAsWhole: 0, leaks: 0, upgraded: 0, rude: 0 },
  ...{ statuses: {}, codes: {}, unexplained: {}, samples: [] },
})

export function count(tally: Tally, errand: Errand, id: number, seen: Seen): void {
  tally.requests++
  if (seen.kind === 'own') tally.codes[seen.code] = (tally.codes[seen.code] ?? 0) + 1
  else if (seen.kind === 'whole') tally.statuses[seen.status] = (tally.statuses[seen.status] ?? 0) + 1
  else if (seen.kind === 'broken') tally.broken++
  if (!isExplained(errand, seen)) wonder(tally, errand, id, nameOf(seen))
}

export function wonder(tally: Tally, errand: Errand, id: number, what: string): void {
  tally.unexplained[what] = (tally.unexplained[what] ?? 0) + 1
  note(tally, errand, id, what)
}

function nameOf(seen: Seen): string {
  if (seen.kind === 'own') return seen.code
  return seen.kind === 'unanswered' ? seen.error : `${seen.status} ${seen.kind}`
}

export function note(tally: Tally, errand: Errand, id: number, what: string): void {
  if (tally.samples.length >= SAMPLES) return
  const { route, method, manner, acts, uploads, answers, form, streamed, keyed } = errand
  const body = `${uploads}${streamed ? ' streamed' : ''}`
  const rest = `${manner} [${acts.join(' ')}] up ${body}, down ${answers} ${form}, keyed ${keyed}`
  tally.samples.push(`#${id} ${method} ${route} ${rest}: ${what.trim()}`)
}
