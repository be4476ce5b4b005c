import t from 'tap'
import { parseJson, valueAt } from '../../../src/json/read.js'

t.test('a value is read by its own names and indices only', t => {
  const parsed = JSON.parse('{"a":{"b":[10,{"c":null}]},"__proto__":{"x":1},"":0}') as unknown
  const rows: [string[], unknown][] = [
    [[], parsed],
    [['a', 'b', '0'], 10],
    [['a', 'b', '1', 'c'], null],
    [[''], 0],
    [['__proto__', 'x'], 1],
    [['a', 'b', '2'], undefined],
    [['a', 'b', '00'], undefined],
    [['a', 'b', 'length'], undefined],
    [['a', 'b', '-1'], undefined],
    [['a', 'constructor'], undefined],
    [['a', '__proto__'], undefined],
    [['a', 'b', '0', 'toFixed'], undefined],
    [['a', 'b', '1', 'c', 'd'], undefined],
  ]
  for (const [pointer, value] of rows) t.equal(valueAt(parsed, pointer), value, pointer.join('/'))
  t.equal(valueAt('text', ['length']), undefined)
  t.end()
})

t.test('a text is parsed as a client parses it, and no JSON is nothing', t => {
  t.strictSame(parseJson(Buffer.from('\uFEFF{"a":1}')), { a: 1 })
  t.strictSame(parseJson(Buffer.from('[1]')), [1])
  for (const text of ['', '{', '<html>', '{"a":1}x']) t.equal(parseJson(Buffer.from(text)), undefined, text)
  t.end()
})
