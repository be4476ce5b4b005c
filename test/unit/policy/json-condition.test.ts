import t from 'tap'
import type { JsonValue } from '../../../src/policy/idempotency-settings.js'
import { holds } from '../../../src/policy/json-condition.js'

t.test('a condition holds for one of its values, of the same type, or for anything when it names none', t => {
  const parsed = { method: 'tools/call', n: 1, gone: null, list: [], deep: { yes: true } }
  const rows: [string[], JsonValue[], boolean][] = [
    [['method'], ['tools/call'], true],
    [['method'], ['a', 'tools/call'], true],
    [['method'], ['tools/list'], false],
    [['n'], [1], true],
    [['n'], ['1'], false],
    [['gone'], [null], true],
    [['gone'], [], true],
    [['list'], [], true],
    [['deep', 'yes'], [true], true],
    [['deep', 'yes'], [false], false],
    [['missing'], [], false],
    [['missing'], [null], false],
    [['toString'], [], false],
  ]
  for (const [json, any, expected] of rows) t.equal(holds(parsed, { json, any }), expected, json.join('/'))
  t.end()
})
