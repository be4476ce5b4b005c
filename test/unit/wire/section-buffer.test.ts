import { test } from 'tap'
import { SectionBuffer } from '../../../src/wire/section-buffer.js'

test('a section is collected up to its empty line and no further', t => {
  const buffer = new SectionBuffer(64)
  t.equal(buffer.add(Buffer.from('..A: b\r'), 2), -1)
  t.equal(buffer.size, 5)
  t.equal(buffer.add(Buffer.from('\n\r\nbody'), 0), 3)
  t.equal(buffer.take(), 'A: b\r\n\r\n')
  t.equal(buffer.size, 0)
  t.equal(buffer.add(Buffer.from('\r\n'), 0), 2, 'and the next one starts afresh')
  t.equal(buffer.take(), '\r\n')
  t.end()
})

test('F6: a section is refused at the first byte over its limit', t => {
  const buffer = new SectionBuffer(8)
  t.equal(buffer.add(Buffer.from('A: b\r\n\r\n'), 0), 8)
  buffer.take()
  t.equal(buffer.add(Buffer.from('A: bc\r\n\r'), 0), -1)
  t.equal(buffer.fault, undefined)
  t.equal(buffer.add(Buffer.from('\n'), 0), -1)
  t.match(buffer.fault, { name: 'http_response_header_section_size' })
  t.end()
})

test('F2: a section that cannot become valid is refused at once', t => {
  for (const text of ['A: b\n', 'A: b\rC', 'A: b\r\r', '\n', 'A: \0', 'A: \x7f', '\x0b']) {
    const buffer = new SectionBuffer(64)
    t.equal(buffer.add(Buffer.from(text, 'latin1'), 0), -1)
    t.match(buffer.fault, { name: 'http_protocol_error' }, JSON.stringify(text))
  }
  t.end()
})
