import type { Bulk, Figures, Fresh, Row, Spread } from './figures.js'
import { CLEAR, KEYED, TLS } from './workloads.js'

/** What one run should show, next to what a prototype of the wire layer had. */
type Goal = {
  readonly name: string
  /** most: no more than that · least: no less */
  readonly bound: 'most' | 'least'
  readonly limit: number
  /** What was found possible before, or nothing. */
  readonly shown: string
  readonly unit: '×' | 'µs' | 'MiB' | 'KiB'
  /** `undefined` where a part of it was not measured. */
  readonly of: (figures: Figures) => number | undefined
}

export type Verdict = Goal & { readonly seen: number | undefined; readonly isMet: boolean | undefined }

const MIB = 1_048_576

const RETRY = 'mulligan, retry'
const OPENED = 'mulligan, intercepting'

const GOALS: readonly Goal[] = [
  most('GET 1 KiB, retry route: CPU against nginx', 1.6, '1.59', cpu(CLEAR.get1k.name, RETRY, 'nginx')),
  most(
    'GET 1 KiB, pass-through: CPU against nginx',
    1.3,
    '1.16-1.49',
    cpu(CLEAR.get1k.name, 'mulligan, pass-through', 'nginx'),
  ),
  least('GET 1 KiB: http-proxy needs as much CPU', 5, '5.1', cpu(CLEAR.get1k.name, 'http-proxy', RETRY)),
  least('GET 1 KiB: squid needs as much CPU', 3, '3.4', cpu(CLEAR.get1k.name, 'squid', RETRY)),
  least('GET 1 KiB: caddy needs as much CPU', 3, '3.5', cpu(CLEAR.get1k.name, 'caddy', RETRY)),
  least('GET 1 KiB: mitmproxy needs as much CPU', 40, '42', cpu(CLEAR.get1k.name, 'mitmproxy', RETRY)),
  most('POST 16 KiB, held for repetition: CPU against nginx', 1.8, '1.86', cpu(CLEAR.post16k.name, RETRY, 'nginx')),
  most('GET 64 KiB: CPU against nginx', 1.05, '0.92-1.02', cpu(CLEAR.get64k.name, RETRY, 'nginx')),
  most('one connection: p50 added, against what nginx adds', 1.2, '1.18', figures =>
    ratio(addedMicros(figures, RETRY, 'p50Micros'), addedMicros(figures, 'nginx', 'p50Micros')),
  ),
  amount('long body down: memory grows by', 16, 'MiB', '+3', growth('down')),
  amount('long body up: memory grows by', 16, 'MiB', '+9', growth('up')),
  most('long body down: CPU against nginx', 1, '0.7', bulkCpu('down')),
  most('long body up: CPU against nginx', 1.5, '1.4', bulkCpu('up')),
  most('intercepted, kept: CPU against mitmproxy', 0.1, '0.11', cpu(TLS.kept.name, OPENED, 'mitmproxy')),
  most('intercepted, kept: CPU against squid', 1.25, '1.3', cpu(TLS.kept.name, OPENED, 'squid, intercepting')),
  most('intercepted, new connection: CPU against mitmproxy', 0.14, '0.14', cpu(TLS.renewed.name, OPENED, 'mitmproxy')),
  most(
    'intercepted, new connection: CPU against squid',
    0.7,
    '0.67',
    cpu(TLS.renewed.name, OPENED, 'squid, intercepting'),
  ),
  most('tunnel, kept: CPU against tinyproxy', 1.1, '1.06', cpu(TLS.kept.name, 'mulligan, tunnel', 'tinyproxy, tunnel')),
  amount('memory of an idle tunnel', 15, 'KiB', '', ({ tunnels }) =>
    scaled(tunnels.find(({ door }) => door === 'mulligan, tunnel')?.bytesEach, 1_024),
  ),
  most('start to first answer, against `node -e 0`', 1.3, '1.0', figures =>
    ratio(freshOf(figures, 'mulligan')?.startMillis?.median, figures.bareNodeMillis?.median),
  ),
  amount('memory at start', 50, 'MiB', '43', figures => scaled(freshOf(figures, 'mulligan')?.bytes?.median, MIB)),
  most('first 2 s of load: CPU against steady', 1.5, '1.0', figures =>
    ratio(
      freshOf(figures, 'mulligan')?.earlyMicros?.median,
      rowOf(figures, CLEAR.get1k.name, RETRY)?.cpuMicros?.median,
    ),
  ),
  most('GET 1 KiB: retry against pass-through', 1.05, '', cpu(CLEAR.get1k.name, RETRY, 'mulligan, pass-through')),
  amount('a credential adds', 5, 'µs', '', figures => cpuAdded(figures, CLEAR.get1k.name, 'mulligan, credential')),
  amount('a key of the client adds', 60, 'µs', '', figures => cpuAdded(figures, KEYED.post1k.name, 'mulligan, key')),
]

export function verdictsOf(figures: Figures): readonly Verdict[] {
  return GOALS.map(goal => {
    const seen = goal.of(figures)
    const isMet = seen === undefined ? undefined : goal.bound === 'most' ? seen <= goal.limit : seen >= goal.limit
    return { ...goal, seen, isMet }
  })
}

export const rowOf = ({ rows }: Figures, workload: string, door: string): Row | undefined =>
  rows.find(row => row.workload === workload && row.door === door)

export const freshOf = ({ fresh }: Figures, door: string): Fresh | undefined => fresh.find(one => one.door === door)

export const bulkOf = ({ bulk }: Figures, door: string, direction: Bulk['direction']): Bulk | undefined =>
  bulk.find(one => one.door === door && one.direction === direction)

/** What a proxy adds to the upstream's own answer over one connection, in microseconds. */
export function addedMicros(figures: Figures, door: string, which: 'p50Micros' | 'p99Micros'): number | undefined {
  const through = rowOf(figures, CLEAR.single.name, door)?.[which]
  const direct = rowOf(figures, CLEAR.single.name, 'direct')?.[which]
  return difference(through, direct)
}

/** CPU of a route of ours over that of the retry route. */
export const cpuAdded = (figures: Figures, workload: string, door: string): number | undefined =>
  difference(rowOf(figures, workload, door)?.cpuMicros, rowOf(figures, workload, RETRY)?.cpuMicros)

function cpu(workload: string, door: string, peer: string) {
  return (figures: Figures): number | undefined => {
    const [one, other] = [rowOf(figures, workload, door), rowOf(figures, workload, peer)]
    return ratio(one?.cpuMicros?.median, other?.cpuMicros?.median)
  }
}

function growth(direction: Bulk['direction']) {
  return (figures: Figures) => scaled(bulkOf(figures, RETRY, direction)?.growthBytes?.median, MIB)
}

function bulkCpu(direction: Bulk['direction']) {
  return (figures: Figures) => {
    const [one, other] = [bulkOf(figures, RETRY, direction), bulkOf(figures, 'nginx', direction)]
    return ratio(one?.cpuMillis?.median, other?.cpuMillis?.median)
  }
}

function most(name: string, limit: number, shown: string, of: Goal['of']): Goal {
  return { name, bound: 'most', limit, shown, unit: '×', of }
}

function least(name: string, limit: number, shown: string, of: Goal['of']): Goal {
  return { name, bound: 'least', limit, shown, unit: '×', of }
}

function amount(name: string, limit: number, unit: Goal['unit'], shown: string, of: Goal['of']): Goal {
  return { name, bound: 'most', limit, shown, unit, of }
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b

const scaled = (value: number | undefined, by: number): number | undefined =>
  value === undefined ? undefined : value / by

const difference = (a: Spread | undefined, b: Spread | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a.median - b.median
