import t from 'tap'
import { countAsserts } from '../../support/count-asserts.js'

t.test('the last line of a run counts assertions, not subtests', t => {
  const rows: [string, string, { passed: number; failed: number }][] = [
    ['two plain ones', 'TAP version 14\nok 1 - a\nnot ok 2 - b\n1..2\n', { passed: 1, failed: 1 }],
    [
      'a subtest',
      '# Subtest: x\n    ok 1 - a\n    ok 2 - b\n    1..2\nok 1 - x # time=1ms\n',
      { passed: 2, failed: 0 },
    ],
    ['a failed one in it', '# Subtest: x\n    not ok 1 - a\n    1..1\nnot ok 1 - x\n', { passed: 0, failed: 1 }],
    ['a buffered subtest', 'ok 1 - x # time=1ms {\n    ok 1 - a\n    1..1\n}\n', { passed: 1, failed: 0 }],
    ['nested', '# Subtest: x\n    # Subtest: y\n        ok 1 - a\n    ok 1 - y\nok 1 - x\n', { passed: 1, failed: 0 }],
    [
      'text in diagnostics',
      'not ok 1 - a\n  ---\n  diff: |\n    ok 1 - no\n  ...\nok 2 - b\n',
      { passed: 1, failed: 1 },
    ],
    ['a skipped one', 'ok 1 - a # SKIP no curl\nok 2 - b # TODO\n', { passed: 0, failed: 0 }],
    ['nothing', '', { passed: 0, failed: 0 }],
  ]
  for (const [name, tap, counts] of rows) t.strictSame(countAsserts(tap), counts, name)
  t.end()
})
