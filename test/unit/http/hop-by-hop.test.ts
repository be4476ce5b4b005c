import { test } from 'tap'
import { answerFields, fieldRole, namedByConnection } from '../../../src/http/hop-by-hop.js'

test('the role of a field is told by its name in any case', t => {
  const rows: [string, string | undefined][] = [
    ['Host', 'host'],
    ['content-length', 'content-length'],
    ['TRANSFER-ENCODING', 'transfer-encoding'],
    ['te', 'te'],
    ['Trailer', 'trailer'],
    ['Upgrade', 'upgrade'],
    ['Expect', 'expect'],
    ['Keep-Alive', 'hop'],
    ['Proxy-Authentication-Info', 'hop'],
    ['Date', undefined],
    ['Hose', undefined],
    ['', undefined],
    [`Host${'x'.repeat(99)}`, undefined],
  ]
  for (const [name, role] of rows) t.equal(fieldRole(name), role, name)
  t.end()
})

test('F1: Connection names further fields, but not those meant for the far end', t => {
  t.same([...namedByConnection(['Connection', 'keep-alive'])], [])
  t.same([...namedByConnection(['Connection', 'Keep-Alive, close, TE, upgrade'])], [])
  t.same([...namedByConnection(['A', 'b', 'connection', 'X-A,, x-b ', 'CONNECTION', 'Cookie'])], ['x-a', 'x-b'])
  t.end()
})

test("the upstream's fields are copied, not changed", t => {
  const fields = Object.freeze(['A', 'b', 'Connection', 'close'])
  t.same(answerFields(fields, '1.1 m'), ['A', 'b', 'Via', '1.1 m'])
  t.end()
})
