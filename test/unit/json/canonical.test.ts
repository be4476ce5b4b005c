import fc from 'fast-check'
import t from 'tap'
import { canonical } from '../../../src/json/canonical.js'
import { parsePointer } from '../../../src/json/pointer.js'
import { holds } from '../../support/property.js'

const form = (text: string, ...ignore: string[]) =>
  canonical(
    Buffer.from(text),
    ignore.map(pointer => parsePointer(pointer) ?? []),
  )

t.test('RFC 8785 §3.2.2: strings, literals and numbers have one spelling', t => {
  const rows: [string, string][] = [
    [
      '{"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"}',
      '{"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ],
    ['[null, true, false]', '[null,true,false]'],
    ['[1E30, 4.50, 2e-3, 0.000000000000000000000000001]', '[1e+30,4.5,0.002,1e-27]'],
    ['[-0, 0, 0.0, -0e9]', '[0,0,0,0]'],
    ['[1e21, 1e20, 1000000000000000000000]', '[1e+21,100000000000000000000,1e+21]'],
    [
      '[9007199254740992, 0.1, 5e-324, 1.7976931348623157e308]',
      '[9007199254740992,0.1,5e-324,1.7976931348623157e+308]',
    ],
    [' {"b" : 1 , "a" : { } , "c":[ ]}', '{"a":{},"b":1,"c":[]}'],
  ]
  for (const [text, expected] of rows) t.equal(form(text), expected, text)
  t.end()
})

t.test('RFC 8785 §3.2.3: members are sorted by UTF-16 code units, at every depth', t => {
  const text =
    '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Grinning","\\u0080":"Control","\\u00f6":"o"}'
  const names = Object.keys(JSON.parse(form(text) ?? '{}') as object)
  t.strictSame(names, ['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'])
  t.equal(form('[{"b":{"d":1,"c":2},"a":3}]'), '[{"a":3,"b":{"c":2,"d":1}}]')
  t.equal(form('{"__proto__":1,"a":2,"B":3}'), '{"B":3,"__proto__":1,"a":2}')
  t.end()
})

t.test('I5: where equal spelling would not mean equal values there is none', t => {
  for (const text of [
    '[9007199254740993]',
    '[-9007199254740993]',
    '[12345678901234567890]',
    '[0.1000000000000000055511151231257827]',
    '[333333333.33333329]',
    '[1e400]',
    '[-1e400]',
    '[1e-400]',
    '[0.00e-1, 1e999999999999]',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"b":{"a":1,"a":1}}',
    '["\\ud800"]',
    '{"\\udc00\\ud800":1}',
    '{"a":1}x',
    '{"a":}',
    '',
    '\uFEFF{}',
    '['.repeat(129) + ']'.repeat(129),
  ])
    t.equal(form(text), undefined, text.slice(0, 60))
  t.end()
})

t.test('I5: ignored members are left out where they stand, and only there', t => {
  const ignore = ['/idempotency_key', '/context', '/push/auth/credentials', '/list/1/x']
  t.equal(
    form('{"a":1,"context":{"x":9},"idempotency_key":"k","push":{"auth":{"credentials":"s","kind":2}}}', ...ignore),
    '{"a":1,"push":{"auth":{"kind":2}}}',
  )
  t.equal(
    form('{"list":[{"x":1},{"x":2,"y":3}],"b":{"context":1}}', ...ignore),
    '{"b":{"context":1},"list":[{"x":1},{"y":3}]}',
  )
  t.equal(form('{"context":1,"context":2}', ...ignore), undefined, 'a repeated member is in doubt all the same')
  t.not(form('{"a":null}'), form('{}'), 'null is not absent')
  t.end()
})

t.test('I5: two texts of one value have one form, whatever their order, white space and escapes', t => {
  const property = fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
    const plain = form(JSON.stringify(value))
    const other = JSON.stringify(reversed(value), null, indent).replace(/[\u0080-\uffff]/g, escaped)
    return plain === form(other) && (plain === undefined || plain === form(plain))
  })
  holds(t, property, 500)
  t.end()
})

t.test('I5: no two integers beyond 2^53 share a form', t => {
  const id = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n })
  const property = fc.property(id, fc.bigInt({ min: 1n, max: 1_000n }), (a, step) => {
    const one = form(`[${a}]`)
    return one === undefined || one !== form(`[${a + step}]`)
  })
  holds(t, property, 5_000)
  t.end()
})

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, within]) => [name, reversed(within)]),
  )
}
