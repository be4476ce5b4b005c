import fc from 'fast-check'
import t from 'tap'
import { parseStrict } from '../../../src/json/strict.js'
import { holds } from '../../support/property.js'

const strict = (text: string) => parseStrict(Buffer.from(text))

t.test('JSON with one meaning is read as a parser reads it', t => {
  holds(
    t,
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      t.same(strict(text), { value: JSON.parse(text) })
    }),
  )
  t.end()
})

t.test('two members of one name are found at any depth and in any spelling', t => {
  const texts = ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]', '{"":1,"":2}', '{"x":[[{"é":1,"\\u00e9":1}]]}']
  for (const text of texts) t.equal(strict(text), 'duplicate', text)
  t.same(strict('{"a":{"a":1},"b":{"a":1}}'), { value: { a: { a: 1 }, b: { a: 1 } } }, 'not across objects')
  t.end()
})

t.test('what is not strict JSON is invalid, even with a repeated member', t => {
  for (const text of ['', '{', '{"a":1,}', "{'a':1}", '\ufeff{}', '{}{}', 'NaN', '01', '{"a":1,"a":1', '"\u0001"']) {
    t.equal(strict(text), 'invalid', text)
  }
  t.equal(parseStrict(Buffer.from([0x22, 0xff, 0x22])), 'invalid', 'no UTF-8')
  t.equal(strict(`${'['.repeat(200)}${']'.repeat(200)}`), 'invalid', 'too deep')
  t.end()
})
