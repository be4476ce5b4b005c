import fc from 'fast-check'
import t from 'tap'
import { type Pointer, parsePointer } from '../../../src/json/pointer.js'
import { insertMember, replaceValue } from '../../../src/json/splice.js'
import { holds } from '../../support/property.js'

const pointer = (text: string): Pointer => parsePointer(text) ?? []
const insert = (text: string, place: string) => insertMember(Buffer.from(text), pointer(place), '"k-1"').toString()
const replace = (text: string, place: string) => replaceValue(Buffer.from(text), pointer(place), '"k-1"').toString()

t.test('I2: a key is spliced in, and every other byte stays as it was', t => {
  const rows: [string, string, string][] = [
    ['{}', '/key', '{"key":"k-1"}'],
    [' { } ', '/key', ' {"key":"k-1" } '],
    ['{"a":1}', '/key', '{"a":1,"key":"k-1"}'],
    ['{\n  "a": 1\n}\n', '/key', '{\n  "a": 1,"key":"k-1"\n}\n'],
    ['{"id":9007199254740993,"x":1.10,"y":1E2}', '/key', '{"id":9007199254740993,"x":1.10,"y":1E2,"key":"k-1"}'],
    ['{"z":1,"a":"\\u00e9\\/"}', '/key', '{"z":1,"a":"\\u00e9\\/","key":"k-1"}'],
    [
      '{"params":{"name":"t","arguments":{"a":[{}]}},"id":7}',
      '/params/arguments/idempotency_key',
      '{"params":{"name":"t","arguments":{"a":[{}],"idempotency_key":"k-1"}},"id":7}',
    ],
    ['{"p":[{"d":{}}]}', '/p/0/d/key', '{"p":[{"d":{"key":"k-1"}}]}'],
    ['{"a":1}', '/k"~1€', '{"a":1,"k\\"/€":"k-1"}'],
  ]
  for (const [text, place, expected] of rows) t.equal(insert(text, place), expected, text)
  t.end()
})

t.test('I2: a text that leaves any doubt is left alone, with the reason', t => {
  const rows: [string, string, string][] = [
    ['{"key":null}', '/key', 'present'],
    ['{"\\u006bey":"x"}', '/key', 'present'],
    ['{"key":1,"key":2}', '/key', 'duplicate'],
    ['{"a":1,"a":1}', '/key', 'duplicate'],
    ['{"a":1}', '/b/key', 'absent'],
    ['{"a":[]}', '/a/key', 'not-object'],
    ['{"a":[1]}', '/a/0/key', 'not-object'],
    ['[{"jsonrpc":"2.0"}]', '/params/key', 'not-object'],
    ['{"a":1', '/key', 'invalid'],
    ['', '/key', 'invalid'],
    ['a=1&b=2', '/key', 'invalid'],
    ['{}', '', 'present'],
  ]
  for (const [text, place, refusal] of rows) t.equal(insert(text, place), refusal, `${text} ${place}`)
  t.end()
})

t.test('I14: a value is replaced, and every other byte stays as it was', t => {
  const rows: [string, string, string][] = [
    [
      '{"jsonrpc":"2.0", "id" : 1 ,"result":{"n":9007199254740993}}',
      '/id',
      '{"jsonrpc":"2.0", "id" : "k-1" ,"result":{"n":9007199254740993}}',
    ],
    ['{"a":[1,{"b":[2]}]}', '/a/1/b', '{"a":[1,{"b":"k-1"}]}'],
    ['[1]', '', '"k-1"'],
    ['{"a":1}', '/id', 'absent'],
    ['{"id":1,"id":2}', '/id', 'duplicate'],
    ['{"id":1}}', '/id', 'invalid'],
    ['3', '/id', 'not-object'],
  ]
  for (const [text, place, expected] of rows) t.equal(replace(text, place), expected, text)
  t.end()
})

t.test(
  'I2: what a splice gives parses to the same value with one more member, and to cut it out gives the text again',
  t => {
    const body = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
    const property = fc.property(body, fc.constantFrom(undefined, 2), fc.uuid(), (value, indent, key) => {
      fc.pre(!Object.hasOwn(value, 'idempotency_key') && !Object.hasOwn(value, '__proto__'))
      const text = Buffer.from(JSON.stringify(value, null, indent))
      const spliced = insertMember(text, ['idempotency_key'], JSON.stringify(key))
      if (typeof spliced === 'string') return false
      const member = `"idempotency_key":"${key}"`
      const [before = '', after = ''] = spliced.toString().split(member)
      t.equal(before.replace(/,$/, '').length + after.length, text.toString().length)
      t.strictSame(JSON.parse(spliced.toString()), { ...(JSON.parse(text.toString()) as object), idempotency_key: key })
      return true
    })
    holds(t, property, 300)
    t.end()
  },
)
