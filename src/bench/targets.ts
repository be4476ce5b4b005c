import type { Cell } from './measure.js'
import type { Bound, CandidateName } from './suite.js'

/** A bound, and what was measured. */
export type Target = {
  readonly name: string
  readonly value: number | undefined
  readonly most: number
  readonly met: boolean | undefined
}

/** `met` is undefined where a part of the ratio could not be measured. */
export function targetsOf(cells: readonly Cell[], bounds: readonly Bound[]): readonly Target[] {
  return bounds.map(({ workload, what, candidate, peer, most }) => {
    const cpu = (name: CandidateName) =>
      cells.find(cell => cell.candidate === name && cell.workload === workload)?.cpuMicros
    const value = ratio(cpu(candidate), cpu(peer))
    return { name: `${workload}: ${what}`, value, most, met: value === undefined ? undefined : value <= most }
  })
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b
