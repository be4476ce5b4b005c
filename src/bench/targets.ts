import type { Cell } from './measure.js'
import type { Bound, CandidateName } from './suite.js'

/** A bound, and what was measured: a ratio, or milliseconds. */
export type Target = {
  readonly name: string
  readonly value: number | undefined
  readonly most: number
  readonly met: boolean | undefined
}

/** `met` is undefined where a part of the ratio could not be measured. */
export function targetsOf(cells: readonly Cell[], bounds: readonly Bound[]): readonly Target[] {
  return bounds.map(({ kind, workload, what, candidate, peer, most }) => {
    const find = (name: CandidateName) => cells.find(cell => cell.candidate === name && cell.workload === workload)
    const [one, other] = [find(candidate), find(peer)]
    const value = kind === 'times' ? ratio(one?.cpuMicros, other?.cpuMicros) : difference(one, other)
    return { name: `${workload}: ${what}`, value, most, met: value === undefined ? undefined : value <= most }
  })
}

const difference = (a: Cell | undefined, b: Cell | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : (a.medianMicros - b.medianMicros) / 1_000

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b
