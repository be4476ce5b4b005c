import { test } from 'tap'
import { parseFieldLines } from '../../../src/wire/field-lines.js'

test('field lines become a flat array, values without whitespace around them', t => {
  t.same(parseFieldLines('A: b\r\nC:\t d e \t\r\nE:\r\nF: :\r\n\r\n', 0), ['A', 'b', 'C', 'd e', 'E', '', 'F', ':'])
  t.same(parseFieldLines('skipped\r\nA: b\r\n\r\n', 9), ['A', 'b'])
  t.same(parseFieldLines('\r\n', 0), [])
  t.end()
})

test('F2: a malformed line is a fault that names its flaw', t => {
  const rows: [string, string][] = [
    ['A: b\r\n c\r\n\r\n', 'folded field line'],
    ['A: b\rc\r\n\r\n', 'bare CR or LF'],
    ['A: b\nC: d\r\n\r\n', 'bare CR or LF'],
    ['A: \x00\r\n\r\n', 'control byte in a field'],
    ['A: \x7f\r\n\r\n', 'control byte in a field'],
    ['A\r\n\r\n', 'field line without a colon'],
    ['A : b\r\n\r\n', 'whitespace before the colon'],
    ['A\xa0: b\r\n\r\n', 'field name is not a token'],
    [': b\r\n\r\n', 'field name is not a token'],
    ['A: b\r\n', 'malformed field section'],
    ['A: b\r\n\r\nB: c\r\n\r\n', 'malformed field section'],
  ]
  for (const [text, details] of rows) t.match(parseFieldLines(text, 0), { details }, JSON.stringify(text))
  t.end()
})

test('F6: the largest hostile section is judged in time that grows with its size only', t => {
  const size = 65_536
  for (const text of [
    'a'.repeat(size),
    `a:${'b'.repeat(size)}`,
    `${'a:b\r\n'.repeat(size / 5)}a`,
    `a:${' '.repeat(size)}\0`,
  ]) {
    t.match(parseFieldLines(`${text}\r\n`, 0), { name: 'http_protocol_error' })
  }
  t.end()
})
