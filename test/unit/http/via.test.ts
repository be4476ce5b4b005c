import { test } from 'tap'
import { hasVia, viaValue } from '../../../src/http/via.js'

test('F1: a loop is told by our pseudonym as the received-by of a member', t => {
  const rows: [string, boolean][] = [
    ['1.1 mulligan-1', true],
    ['1.1 Mulligan-1', true],
    ['1.0 a, HTTP/1.1 mulligan-1 (comment), 1.1 b', true],
    ['1.1 a (x, 1.1 b),1.1\tmulligan-1', true],
    ['1.1 a (\\), 1.1 c), 1.1 mulligan-1', true],
    ['1.1 mulligan-12', false],
    ['1.1 x-mulligan-1', false],
    ['1.1 a (mulligan-1)', false],
    ['1.1 a (b, 1.1 mulligan-1)', false],
    ['1.1 a (b (c), 1.1 mulligan-1)', false],
    ['1.1 a (\\(, 1.1 mulligan-1 )', false],
    ['mulligan-1', false],
    ['', false],
  ]
  for (const [value, loop] of rows) t.equal(hasVia(['A', 'b', 'via', value], 'mulligan-1'), loop, value)
  t.ok(hasVia(['Via', '1.1 a', 'VIA', viaValue('mulligan-1', '1.0')], 'mulligan-1'), 'in any line')
  t.notOk(hasVia(['X-Via', '1.1 mulligan-1'], 'mulligan-1'))
  t.end()
})
