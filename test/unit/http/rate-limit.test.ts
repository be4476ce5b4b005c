import t from 'tap'
import { parseRateLimit } from '../../../src/http/rate-limit.js'

t.test('R5: RateLimit names a wait only for quotas that are used up (draft 10 §4)', t => {
  const rows: [string, number | 'none' | undefined][] = [
    ['"default";r=0;t=30', 30_000],
    ['default;r=0;t=0', 0],
    ['"a";r=0;t=1, "b";r=0;t=2', 2_000],
    ['"a";r=1;t=9, "b";r=0;t=2', 2_000],
    ['"a";r=1;t=9', 'none'],
    ['"a";r=0', 'none'],
    ['"a";t=9', undefined],
    ['"a";r=0;t=soon', undefined],
    ['"a";r=0;t=-1', undefined],
    ['("a" "b");r=0;t=4', 4_000],
    ['limit=9, remaining=0, reset=12', 12_000],
    ['limit=9, remaining=0', 'none'],
    ['limit=9, remaining=3, reset=12', 'none'],
    ['limit=9, reset=12', undefined],
    ['30', undefined],
    ['"a', undefined],
    ['', undefined],
  ]
  for (const [value, wait] of rows) t.equal(parseRateLimit(value), wait, JSON.stringify(value))
  t.end()
})
