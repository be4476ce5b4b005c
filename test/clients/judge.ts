import { createHash } from 'node:crypto'
import type { Report } from './trial.js'
import { ANSWER, type Arrival, type CellName, EVENTS } from './vendor.js'

/** What must have come through. */
export type Expected = {
  readonly file: string
  readonly sendsFile: boolean
  /** SHA-256 of the certificate of the host that no route names. */
  readonly certificate: string
  /** The head of the repository, for what clones it. */
  readonly commit: string
}

/** Whether both ends saw what they should have. @returns what is wrong; `undefined`: nothing */
export function judge(
  cell: CellName,
  reports: readonly Report[],
  arrivals: readonly Arrival[],
  expected: Expected,
): string | undefined {
  return clientSide(cell, reports, expected) ?? vendorSide(cell, arrivals, expected)
}

const ANSWER_SHA256 = createHash('sha256').update(ANSWER).digest('hex')

function clientSide(cell: CellName, reports: readonly Report[], expected: Expected): string | undefined {
  if (reports.length === 0) return 'the client did not get so far'
  if (cell === 'events') {
    const events = reports.map(({ event }) => event).join(' ')
    return events === EVENTS.join(' ') ? undefined : `events arrived: ${events}`
  }
  const { status, sha256, commit, certificate } = Object.assign({}, ...reports) as Report
  if (status !== 200) return `the client was answered ${status}`
  if (commit === undefined ? sha256 !== ANSWER_SHA256 : commit !== expected.commit) return 'the answer came damaged'
  if (cell !== 'tunnel' || certificate === undefined || certificate === expected.certificate) return undefined
  return `another certificate than the upstream's: ${certificate}`
}

/** How often a cell's request must arrive: its trouble, and the answer. */
const TIMES: Readonly<Record<CellName, number>> = {
  get: 1,
  flaky: 2,
  limited: 2,
  upload: 2,
  events: 1,
  tunnel: 1,
  needs: 1,
}

function vendorSide(cell: CellName, arrivals: readonly Arrival[], { file, sendsFile }: Expected): string | undefined {
  const [first, second] = arrivals
  if (first === undefined) return 'nothing arrived'
  if (cell === 'tunnel') return arrivals.every(({ via }) => via === undefined) ? undefined : 'the tunnel was opened'
  if (!arrivals.every(({ via }) => /\bmulligan-/.test(via ?? ''))) return 'it went past the proxy, or in a tunnel'
  if (arrivals.length !== TIMES[cell]) return `it arrived ${arrivals.length} times`
  if (cell === 'limited') {
    const waited = (second?.at ?? 0) - first.at
    return waited >= 1_000 ? undefined : `it came again after ${waited} ms, and not after Retry-After`
  }
  if (cell !== 'upload') return undefined
  if (!arrivals.every(({ body }) => body.equals(first.body))) return 'the second body is not the first'
  const whole = sendsFile ? first.body.equals(Buffer.from(file)) : first.body.includes(file)
  return whole ? undefined : `the body came damaged: ${first.body.length} bytes`
}
