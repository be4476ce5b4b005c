import t from 'tap'
import { exposition } from '../../../src/metrics/exposition.js'
import { readExposition } from '../../support/exposition-reader.js'

t.test('a metric is its help, its type and its values, and one without values is still named', t => {
  const text = exposition([
    { name: 'a_total', help: 'One.', type: 'counter', samples: [{ labels: { x: 'y', z: '1' }, value: 3n }] },
    { name: 'b', help: 'Two.', type: 'gauge', samples: [{ labels: {}, value: -0.5 }] },
    { name: 'c', help: 'Three.', type: 'gauge', samples: [] },
  ])
  t.equal(
    text,
    '# HELP a_total One.\n# TYPE a_total counter\na_total{x="y",z="1"} 3\n' +
      '# HELP b Two.\n# TYPE b gauge\nb -0.5\n# HELP c Three.\n# TYPE c gauge\n',
  )
  t.end()
})

t.test('no label value and no help can end its line or its quotes', t => {
  const nasty = 'a"b\\c\nd{e}=,'
  const text = exposition([
    { name: 'a', help: 'One\\\ntwo', type: 'gauge', samples: [{ labels: { x: nasty }, value: 1e21 }] },
  ])
  t.equal(text.split('\n').length, 4)
  const { series } = readExposition(text)
  t.same(series, [{ family: 'a', name: 'a', labels: { x: nasty }, value: 1e21 }])
  t.end()
})

t.test('the reader that the tests trust refuses what Prometheus would', t => {
  const good = '# HELP a_total A.\n# TYPE a_total counter\n'
  const rows: [string, string][] = [
    [`${good}a_total 1`, 'no end of the last line'],
    [`${good}a_total 1\na_total 2\n`, 'a series twice'],
    [`${good}a_total -1\n`, 'a counter below 0'],
    [`${good}a_total x\n`, 'no number'],
    [`${good}a_total{x="1"\n`, 'an open brace'],
    [`${good}a_total{x="1",x="2"} 1\n`, 'a label twice'],
    [`${good}a_total{x="a"b"} 1\n`, 'a quote'],
    [`${good}b_total 1\n`, 'a value of another metric'],
    [`a_total 1\n`, 'a value without a type'],
    [`${good}${good}`, 'a metric twice'],
    ['# HELP a_total A.\n# TYPE a_total gauge\n', 'a gauge that says total'],
    ['# HELP a A.\n# TYPE a counter\n', 'a counter that does not'],
    ['# HELP a_ms A.\n# TYPE a_ms gauge\n', 'no base unit'],
    ['# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n', 'no sum'],
    ['# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', 'no +Inf'],
  ]
  for (const [text, name] of rows) t.throws(() => readExposition(text), name)
  t.end()
})
