import t from 'tap'
import { chartOf } from '../../../bench/chart.js'
import { cpuBetween } from '../../../bench/cpu-clock.js'
import { type Figures, type Row, spreadOf } from '../../../bench/figures.js'
import { verdictsOf } from '../../../bench/goals.js'
import { placeIn } from '../../../bench/markdown.js'
import { withFigures } from '../../../bench/page.js'
import { QUICK } from '../../../bench/settings.js'
import { CLEAR } from '../../../bench/workloads.js'

const row = (door: string, cpu: readonly number[], p50 = 100): Row => ({
  door,
  workload: CLEAR.get1k.name,
  cpuMicros: spreadOf(cpu),
  requestsPerSecond: spreadOf([1_000]),
  p50Micros: spreadOf([p50]),
  p99Micros: spreadOf([p50]),
})

const single = (door: string, p50: number): Row => ({ ...row(door, [], p50), workload: CLEAR.single.name })

const figures = (rows: readonly Row[]): Figures => ({
  machine: {
    cpu: 'a cpu',
    cpus: 2,
    memoryBytes: 2 ** 33,
    system: 'Linux 6',
    node: '20.19.0',
    versions: new Map([['nginx', '1.22.1']]),
    date: '2026-01-31',
    isPinned: true,
  },
  settings: QUICK,
  rows,
  fresh: [],
  bareNodeMillis: undefined,
  bulk: [],
  tunnels: [],
  loadedBytes: new Map(),
  noise: spreadOf([0.01, 0.04, 0.02]),
  absent: ['caddy'],
  failures: ['squid, GET 64 KiB: 1 errors in 9 requests'],
})

const RETRY = 'mulligan, retry'

function verdict(rows: readonly Row[], name: string) {
  const found = verdictsOf(figures(rows)).find(one => one.name === name)
  return { seen: found?.seen, isMet: found?.isMet }
}

t.test('a goal is met at its bound and missed beyond it, on either side, and skipped without a peer', t => {
  const nginx = 'GET 1 KiB, retry route: CPU against nginx'
  t.strictSame(verdict([row('nginx', [50]), row(RETRY, [80])], nginx), { seen: 1.6, isMet: true })
  t.strictSame(verdict([row('nginx', [50]), row(RETRY, [81])], nginx), { seen: 1.62, isMet: false })
  t.strictSame(verdict([row(RETRY, [81])], nginx), { seen: undefined, isMet: undefined })
  const peer = 'GET 1 KiB: http-proxy needs as much CPU'
  t.strictSame(verdict([row('http-proxy', [500]), row(RETRY, [100])], peer), { seen: 5, isMet: true })
  t.strictSame(verdict([row('http-proxy', [490]), row(RETRY, [100])], peer), { seen: 4.9, isMet: false })
  t.end()
})

t.test('latency is what is added to the answer without a proxy', t => {
  const rows = [single('direct', 40), single('nginx', 140), single(RETRY, 160)]
  t.strictSame(verdict(rows, 'one connection: p50 added, against what nginx adds'), { seen: 1.2, isMet: true })
  t.end()
})

t.test('the middle of the rounds stands, and how far they lie apart', t => {
  t.strictSame(spreadOf([3, undefined, 1, 2]), { median: 2, min: 1, max: 3 })
  t.equal(spreadOf([undefined]), undefined)
  t.end()
})

t.test('only the marked part of a page is made anew, and it says who is left out', t => {
  const page = 'mine\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nmine too\n'
  const made = withFigures(page, figures([row('direct', []), row(RETRY, [80])]), 'chart.svg')
  t.match(made, /^mine\n<!-- bench:begin -->\n/)
  t.match(made, /<!-- bench:end -->\nmine too\n$/)
  t.notMatch(made, /\nold\n/)
  t.match(
    made,
    /Not here, so not measured: caddy\.\nLeft out, because answers were wrong or missing: squid, GET 64 KiB: 1 errors/,
  )
  t.match(made, /\| \*\*mulligan, retry\*\* \| 80\.0 \[80\.0–80\.0\] \| - \|/)
  t.notMatch(made, /## HTTPS/, 'which was not measured')
  t.equal(withFigures(made, figures([row('direct', []), row(RETRY, [80])]), 'chart.svg'), made)
  t.throws(() => placeIn('<!-- bench:end --><!-- bench:begin -->'), /the page has no/)
  t.end()
})

t.test('the chart has the leanest first, ours in a colour of their own, and none without a figure', t => {
  const chart = chartOf(
    figures([row('direct', []), row('http-proxy', [400]), row('nginx', [40, 30, 50]), row(RETRY, [80])]),
  )
  const names = [...chart.matchAll(/text-anchor="end">([^<]+)</g)].map(([, name]) => name)
  t.strictSame(names, ['nginx', RETRY, 'http-proxy'])
  t.equal(chart.match(/<circle class="ours"/g)?.length, 1)
  t.match(chart, /prefers-color-scheme: dark/)
  t.notMatch(chart, /NaN|undefined|Infinity/)
  t.notMatch(chartOf(figures([])), /NaN|undefined|Infinity/)
  t.end()
})

t.test('CPU is counted by thread, unless one ended and took what it had with it', t => {
  const reading = (micros: number, ...nanos: number[]) => ({
    micros,
    threads: new Map(nanos.map((used, i) => [String(i), used])),
  })
  t.equal(cpuBetween(reading(100_000, 99e6), reading(200_000, 160e6, 41e6)), 102_000)
  t.equal(cpuBetween(reading(100_000, 50e6, 50e6), reading(900_000, 60e6)), 800_000)
  t.equal(cpuBetween(reading(100_000, 100e6), reading(120_000, 102e6)), 20_000, 'one that came and went')
  t.end()
})
