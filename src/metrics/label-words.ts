import { STATUS_CODES } from 'node:http'
import { FAULTS } from '../faults.js'
import { WHYS } from '../policy/types.js'
import { OTHER } from './tally.js'

/**
 * The words that a label may have. Clients choose methods, and upstreams statuses: what is not on a list here is told by
 * its class or as `other`, so nobody can make a series by asking for something new.
 */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'] as const

const METHOD_INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((method, i) => [method, i]))

/** Registered ones, and those that a large network in front of many upstreams made up. */
const STATUSES: ReadonlySet<number> = new Set([
  ...Object.keys(STATUS_CODES).map(Number),
  ...[499, 520, 521, 522, 523, 524, 525, 526, 527, 529],
])

const CLASS = 1_000

/** Method and status as one small number: a key that costs no string. */
export function requestCode(method: string, status: number): number {
  const known = STATUSES.has(status) ? status : classOf(status)
  return (METHOD_INDEX.get(method) ?? METHODS.length) * CLASS + known
}

export const requestLabels = (code: number): { readonly method: string; readonly status: string } => ({
  method: METHODS[Math.floor(code / CLASS)] ?? OTHER,
  status: statusWord(code % CLASS),
})

/** 0 where the client got nothing, else 1 to 9. */
const classOf = (status: number): number => (status > 0 && status < 1_000 ? Math.floor(status / 100) : 0)

const statusWord = (status: number): string => {
  if (status === 0) return 'none'
  return status < 10 ? `${status}xx` : String(status)
}

const OUTCOMES: ReadonlySet<string> = new Set([...[...STATUSES].map(String), ...Object.keys(FAULTS), 'connected'])

/** What an attempt came to, in the log's word: a status, a fault, or `connected` of a tunnel; `none` when it was cut off. */
export function outcomeWord(outcome: string): string {
  if (OUTCOMES.has(outcome)) return outcome
  if (outcome === '') return 'none'
  const status = Number(outcome)
  return status > 0 ? statusWord(classOf(status)) : OTHER
}

const WHY_WORDS: ReadonlySet<string> = new Set(WHYS)

export const whyWord = (why: string): string => (WHY_WORDS.has(why) ? why : OTHER)
