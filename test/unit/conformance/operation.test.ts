import t from 'tap'
import { parseKit } from '../../../src/conformance/load-kit.js'
import { newOperation, Templates, withOtherKey } from '../../../src/conformance/operation.js'

const templates = (more = '') =>
  new Templates(
    parseKit(
      'kit.yaml',
      `target: http://x
request:
  path: /x/{{uuid}}
  headers: { X-Trace: "{{uuid#trace}}", X-Key: "{{key}}" }
  ${more === '' ? '' : 'encoding: form\n  '}body: { a: { b: [1, "{{uuid}}"] }, t: "{{uuid#trace}}" }
id: /id
mutate: { pointer: /a/b/0, value: 2 }
${more === 'json' ? 'carrier: json:/key\n' : ''}`,
    ),
  )

t.test('an operation is the same bytes however often it is frozen, and another key changes nothing but the key', t => {
  const all = templates()
  const operation = newOperation()
  const first = all.freeze(operation)
  t.same(all.freeze(operation), first)
  t.equal(first.headers['Idempotency-Key'], operation.key)
  t.equal(first.headers['X-Key'], operation.key)
  const other = all.freeze(withOtherKey(operation))
  t.same([other.path, other.body], [first.path, first.body])
  t.not(other.headers['Idempotency-Key'], operation.key)
  t.end()
})

t.test('a placeholder is fresh in each place and operation, an alias is one value in the whole run', t => {
  const all = templates()
  const [a, b] = [all.freeze(newOperation()), all.freeze(newOperation())]
  t.not(a.path, b.path)
  t.notOk(a.body.includes(a.path.slice(3)), 'the path and the body have values of their own')
  t.equal(a.headers['X-Trace'], b.headers['X-Trace'])
  t.ok(a.body.includes(a.headers['X-Trace'] ?? '-'))
  t.end()
})

t.test('a change is in the body alone, and a request without a key has none', t => {
  const all = templates()
  const operation = newOperation()
  const first = all.freeze(operation)
  const changed = all.freeze(operation, { patch: { at: ['a', 'b', '0'], value: 2 } })
  t.equal(changed.body.toString(), first.body.toString().replace('[1,', '[2,'))
  t.same({ ...changed, body: 0 }, { ...first, body: 0 })
  t.notOk('Idempotency-Key' in all.freeze(operation, { key: 'none' }).headers)
  t.equal(all.freeze(operation, { key: 'quoted' }).headers['Idempotency-Key'], `"${operation.key}"`)
  t.end()
})

t.test('a form writes nested names in brackets, and a key can be one of its names', t => {
  const operation = newOperation()
  const { body, headers } = templates('json').freeze(operation)
  t.equal(headers['Content-Type'], 'application/x-www-form-urlencoded')
  t.match(decodeURIComponent(body.toString()), /^a\[b\]\[0\]=1&a\[b\]\[1\]=[0-9a-f-]{36}&t=[0-9a-f-]{36}&key=/)
  t.match(body.toString(), operation.key)
  t.end()
})
