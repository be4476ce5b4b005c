import t from 'tap'
import { describeSpan } from '../../../src/cli/span.js'

t.test('a span is told in its two largest units, without those that are nothing', t => {
  const rows: [number, string][] = [
    [-5, '0s'],
    [0, '0s'],
    [0.4, '0s'],
    [59.6, '1m'],
    [61, '1m 1s'],
    [3_600, '1h'],
    [3_659, '1h'],
    [86_399, '23h 59m'],
    [86_400 * 400 + 3_600, '400d 1h'],
  ]
  for (const [seconds, text] of rows) t.equal(describeSpan(seconds), text, `${seconds}`)
  t.end()
})
