import type { BenchResult, Cell } from '../bench/measure.js'
import type { CandidateName, Suite } from '../bench/suite.js'
import type { Target } from '../bench/targets.js'
import { type Paint, table } from './paint.js'

/** One table per workload, then the targets. Read the CPU column: req/s also measures the load generator. */
export function benchReport(
  { peers }: Suite,
  { settings, cells, notes }: BenchResult,
  targets: readonly Target[],
  paint: Paint,
): string {
  const { rounds, seconds, connections } = settings
  const title = `${paint('bold', 'mulligan bench')}: ${connections} kept-alive connections, medians of ${rounds} × ${seconds} s`
  const names = [...new Set(cells.map(({ workload }) => workload))]
  const tables = names.map(name => {
    const rows = cells.filter(({ workload }) => workload === name)
    return workloadTable(name, rows, peers, paint)
  })
  const verdicts = table(
    targets.map(one => verdict(one, paint)),
    '  ',
  )
  return `${title}\n\n${tables.join('\n')}\n${verdicts}\n${notes.map(note => `note: ${note}\n`).join('')}`
}

function workloadTable(name: string, cells: readonly Cell[], peers: readonly CandidateName[], paint: Paint): string {
  const cpuOf = (candidate: CandidateName) => cells.find(cell => cell.candidate === candidate)?.cpuMicros
  const head = [name, 'CPU µs/request', ...peers.map(peer => `× ${peer}`), 'p50 µs', 'req/s'].map(text =>
    paint('bold', text),
  )
  const rows = cells.map(({ candidate, cpuMicros, medianMicros, requestsPerSecond }) => [
    candidate,
    cpuMicros?.toFixed(1) ?? '-',
    ...peers.map(peer => times(cpuMicros, cpuOf(peer))),
    medianMicros.toFixed(0),
    requestsPerSecond.toFixed(0),
  ])
  return table([head, ...rows], '  ')
}

const times = (a: number | undefined, b: number | undefined): string =>
  a === undefined || b === undefined ? '-' : (a / b).toFixed(2)

function verdict({ name, value, most, met }: Target, paint: Paint): string[] {
  const word = met === undefined ? paint('dim', 'skipped') : met ? paint('green', 'pass') : paint('red', 'FAIL')
  return [word, name, value === undefined ? '-' : value.toFixed(2), `at most ${most}`]
}
