import fc from 'fast-check'
import t from 'tap'
import { parsePointer } from '../../../src/json/pointer.js'
import { valueAt } from '../../../src/json/read.js'
import { locate } from '../../../src/json/scan.js'
import { holds } from '../../support/property.js'

const at = (text: string | Buffer, pointer: string) => locate(Buffer.from(text), parsePointer(pointer) ?? [])

/** The kind, and of what was found its bytes. */
function seen(text: string | Buffer, pointer: string): string {
  const located = at(text, pointer)
  return located.kind === 'found' ? Buffer.from(text).subarray(located.start, located.end).toString() : located.kind
}

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

t.test('a pointer finds the bytes of its value, whatever stands around it', t => {
  const rows: [string, string, string][] = [
    ['{"a":1}', '/a', '1'],
    [' {\r\n\t"a" : [ 1 , {"b" : "x\\"y"} ] }\n', '/a/1/b', '"x\\"y"'],
    ['{"a":{"b":9007199254740993}}', '/a/b', '9007199254740993'],
    ['{"\\u0061":true}', '/a', 'true'],
    ['{"":{"":null}}', '//', 'null'],
    ['{"a/b":{"c~d":-0.0e+1}}', '/a~1b/c~0d', '-0.0e+1'],
    ['{"€":"é"}', '/€', '"é"'],
    ['[1,2]', '', '[1,2]'],
    ['{"__proto__":{"x":1}}', '/__proto__/x', '1'],
    ['{"a":{"b":1},"b":2}', '/b', '2'],
  ]
  for (const [text, pointer, value] of rows) t.equal(seen(text, pointer), value, `${text} ${pointer}`)
  t.end()
})

t.test('a text that is not strict JSON is invalid, also behind the value that was asked for', t => {
  const texts: (string | Buffer)[] = [
    '',
    ' ',
    '{"a":1',
    '{"a":1}x',
    '{"a":1}{"a":1}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1 "b":2}',
    '{"a" 1}',
    "{'a':1}",
    '{a:1}',
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    '{"a":1.}',
    '{"a":1e}',
    '{"a":-}',
    '{"a":0x1}',
    '{"a":NaN}',
    '{"a":1,"b":tru}',
    '{"a":1,"b":truex}',
    '{"a":1,"b":"\\x"}',
    '{"a":1,"b":"\\u12g4"}',
    '{"a":1,"b":"\\u12',
    '{"a":1,"b":"\t"}',
    '{"a":1,"b":"\0"}',
    '{"a":1,"b":"x}',
    '{"a":1,"b":"x\\',
    '{"a":1,"b":[1,]}',
    '{"a":1,"b":[1',
    '{"a":1/**/}',
    '{"a":1}\f',
    '{"a":1}\u00a0',
    '\uFEFF{"a":1}',
    Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x31, 0x7d, 0xff]),
    Buffer.from('{"a":1,"b":"\xe9"}', 'latin1'),
    Buffer.from('{"a":1}', 'utf16le'),
    Buffer.concat([Buffer.from('{"a":1,"b":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  ]
  for (const text of texts) t.equal(at(text, '/a').kind, 'invalid', JSON.stringify(text.toString()))
  t.end()
})

t.test('nesting is followed to 128 levels, and no deeper', t => {
  t.equal(at(nested(128), '').kind, 'found')
  t.equal(at(nested(129), '').kind, 'invalid')
  t.equal(at(nested(1_000_000), '').kind, 'invalid')
  t.equal(at(`{"b":1,"a":${nested(127)}}`, '/b').kind, 'found')
  t.equal(at(`{"b":1,"a":${nested(128)}}`, '/b').kind, 'invalid')
  t.end()
})

t.test('a name that stands twice in an object on the way is reported, in any spelling and any place', t => {
  for (const [text, pointer] of [
    ['{"a":1,"a":2}', '/a'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"a":1,"b":2,"b":3}', '/a'],
    ['{"a":{"x":1,"x":1},"k":1}', '/a/k'],
    ['{"a":{},"a":{"k":1}}', '/a/k'],
    ['{"b":1,"b":2}', '/k'],
  ] as const)
    t.equal(seen(text, pointer), 'duplicate', `${text} ${pointer}`)
  t.equal(seen('{"a":1,"b":{"x":1,"x":2}}', '/a'), '1', 'beside the way it does not matter')
  t.end()
})

t.test('a way through anything but objects and existing elements is told apart from an absent member', t => {
  const rows: [string, string, string][] = [
    ['{"a":1}', '/a/b', 'not-object'],
    ['{"a":"b"}', '/a/0', 'not-object'],
    ['{"a":null}', '/a/b', 'not-object'],
    ['[{"a":1}]', '/a', 'not-object'],
    ['[{"a":1}]', '/00/a', 'not-object'],
    ['[{"a":1}]', '/-/a', 'not-object'],
    ['[{"a":1}]', '/1/a', 'not-object'],
    ['[{"a":1}]', '/0/a', '1'],
    ['{"a":{}}', '/a/b', 'absent'],
    ['{}', '/a/b', 'absent'],
    ['3', '/a', 'not-object'],
  ]
  for (const [text, pointer, expected] of rows) t.equal(seen(text, pointer), expected, `${text} ${pointer}`)
  t.end()
})

t.test('only the object that could hold the member has room for it', t => {
  t.strictSame(at('{ }', '/a'), { kind: 'absent', room: { at: 1, empty: true } })
  t.strictSame(at('{"b":1 }', '/a'), { kind: 'absent', room: { at: 6, empty: false } })
  t.strictSame(at('{"b":{"c":[1]}, "d":2}', '/b/a'), { kind: 'absent', room: { at: 13, empty: false } })
  t.strictSame(at('{"b":1}', '/x/a'), { kind: 'absent', room: undefined })
  t.end()
})

t.test('every value of every JSON text is found where a parser finds it', t => {
  const property = fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
    const text = Buffer.from(JSON.stringify(value, null, indent))
    for (const pointer of pointersOf(value)) {
      const located = locate(text, pointer)
      if (located.kind !== 'found') return false
      const found: unknown = JSON.parse(text.toString('utf8', located.start, located.end))
      if (JSON.stringify(found) !== JSON.stringify(valueAt(JSON.parse(text.toString()), pointer))) return false
    }
    return true
  })
  holds(t, property, 500)
  t.end()
})

t.test('a damaged text is accepted exactly when a parser accepts it', t => {
  const damage = fc.array(
    fc.record({
      where: fc.nat(10_000),
      byte: fc.constantFrom(...Buffer.from('{}[]",:\\/0123e.-+tfnu \n\0')),
      cut: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  )
  const property = fc.property(fc.jsonValue({ maxDepth: 4 }), damage, (value, hits) => {
    let text = Buffer.from(JSON.stringify(value))
    for (const { where, byte, cut } of hits) {
      const place = where % (text.length + 1)
      text = Buffer.concat([text.subarray(0, place), Buffer.of(byte), text.subarray(place + (cut ? 1 : 0))])
    }
    return (locate(text, []).kind === 'found') === parses(text)
  })
  holds(t, property, 5_000)
  t.end()
})

function parses(text: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text))
    return true
  } catch {
    return false
  }
}

function pointersOf(value: unknown, here: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [here]
  return [here, ...Object.entries(value).flatMap(([name, within]) => pointersOf(within, [...here, name]))]
}
