import type { CandidateName } from './candidates.js'
import type { Cell } from './measure.js'

/** What a release has to reach, as ratios within one run: absolute figures differ from machine to machine. */
export type Target = {
  readonly name: string
  readonly value: number | undefined
  readonly most: number
  readonly met: boolean | undefined
}

const WORKLOAD = 'GET 1 KiB'

/** `met` is undefined where a part of the ratio could not be measured. */
export function targetsOf(cells: readonly Cell[]): readonly Target[] {
  const cpu = (name: CandidateName) =>
    cells.find(({ candidate, workload }) => candidate === name && workload === WORKLOAD)?.cpuMicros
  const retry = cpu('mulligan, retry')
  return [
    target('retry route, times nginx', ratio(retry, cpu('nginx')), 4),
    target('retry route, times http-proxy', ratio(retry, cpu('http-proxy')), 0.5),
    target('retry route, times pass-through', ratio(retry, cpu('mulligan, pass-through')), 1.05),
  ]
}

function target(what: string, value: number | undefined, most: number): Target {
  return { name: `${WORKLOAD}: ${what}`, value, most, met: value === undefined ? undefined : value <= most }
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b
