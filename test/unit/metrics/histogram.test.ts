import t from 'tap'
import { Histogram } from '../../../src/metrics/histogram.js'

t.test('a value counts in its bucket and in all above, its bound included', t => {
  const histogram = new Histogram([1, 2.5])
  for (const value of [0, 1, 1.5, 2.5, 99]) histogram.observe(value)
  t.same(
    [...histogram.samples({ route: 'a' })],
    [
      { suffix: '_bucket', labels: { route: 'a', le: '1' }, value: 2 },
      { suffix: '_bucket', labels: { route: 'a', le: '2.5' }, value: 4 },
      { suffix: '_bucket', labels: { route: 'a', le: '+Inf' }, value: 5 },
      { suffix: '_sum', labels: { route: 'a' }, value: 104 },
      { suffix: '_count', labels: { route: 'a' }, value: 5 },
    ],
  )
  t.end()
})
