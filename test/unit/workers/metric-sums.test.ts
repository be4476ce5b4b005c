import t from 'tap'
import { MetricSums, mergeFamilies } from '../../../src/workers/metric-sums.js'
import type { PlainFamily } from '../../../src/workers/protocol.js'

const counter = (name: string, value: number | bigint, labels = {}): PlainFamily => ({
  name,
  help: 'A count.',
  type: 'counter',
  samples: [{ labels, value }],
})
const gauge = (name: string, value: number, labels = {}): PlainFamily => ({
  ...counter(name, value, labels),
  type: 'gauge',
})

const values = (families: readonly PlainFamily[]) =>
  Object.fromEntries(
    families.flatMap(({ name, samples }) =>
      samples.map(({ suffix = '', labels, value }) => [`${name}${suffix}${JSON.stringify(labels)}`, value]),
    ),
  )

t.test('series of the same name, suffix and labels are added up, exactly where they are large', t => {
  const huge = 2n ** 60n
  const merged = mergeFamilies([
    [counter('a_total', 1, { route: 'x' }), counter('units_total', huge)],
    [counter('a_total', 2, { route: 'x' }), counter('units_total', 1n), counter('a_total', 4, { route: 'y' })],
  ])
  t.same(values(merged), { 'a_total{"route":"x"}': 3, 'a_total{"route":"y"}': 4, 'units_total{}': huge + 1n })
  t.end()
})

t.test('what is no amount is not added up', t => {
  const one = [gauge('mulligan_draining', 0), gauge('process_start_time_seconds', 5), gauge('mulligan_inflight', 2)]
  const other = [gauge('mulligan_draining', 1), gauge('process_start_time_seconds', 4), gauge('mulligan_inflight', 3)]
  t.same(values(mergeFamilies([one, other])), {
    'mulligan_draining{}': 1,
    'process_start_time_seconds{}': 4,
    'mulligan_inflight{}': 5,
  })
  t.end()
})

t.test('a counter stays when its worker dies or says nothing, and a gauge does not', t => {
  const sums = new MetricSums<string>()
  const said = (n: number) => [counter('a_total', n), gauge('mulligan_inflight', n)]
  sums.said('one', said(3))
  sums.said('two', said(4))
  t.same(values(sums.families(new Set(['one', 'two']), [])), { 'a_total{}': 7, 'mulligan_inflight{}': 7 })
  t.same(values(sums.families(new Set(['two']), [])), { 'a_total{}': 7, 'mulligan_inflight{}': 4 })
  sums.lost('one')
  sums.lost('one')
  sums.said('three', said(1))
  t.same(values(sums.families(new Set(['two', 'three']), [])), { 'a_total{}': 8, 'mulligan_inflight{}': 5 })
  t.end()
})
