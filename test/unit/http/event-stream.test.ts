import fc from 'fast-check'
import t from 'tap'
import { eventData, FirstEvent } from '../../../src/http/event-stream.js'
import { holds } from '../../support/property.js'

const first = (text: string) => eventData(Buffer.from(text)).next().value?.toString()

t.test('HTML §9.2.6: the data of the first event that has any', t => {
  const rows: [string, string | undefined][] = [
    ['data: {"a":1}\n\n', '{"a":1}'],
    ['data:{"a":1}\r\n\r\nx', '{"a":1}'],
    ['data: a\rdata: b\r\r', 'a\nb'],
    ['event: message\nid: 1\ndata: a\ndata:  b\nretry: 5\n\ndata: c\n\n', 'a\n b'],
    ['\uFEFFdata: a\n\n', 'a'],
    [': ping\n\n\nid: 1\ndata: \n\ndata: a\n\n', 'a'],
    ['data\ndata: a\n\n', '\na'],
    ['dataset: x\n\ndata: a\n\n', 'a'],
    ['data: a\n', undefined],
    ['data: a', undefined],
    ['', undefined],
    [': only\n\n', undefined],
    ['event: x\n\n', undefined],
  ]
  for (const [text, data] of rows) t.equal(first(text), data, JSON.stringify(text))
  t.end()
})

t.test('every whole event is read, and what is cut off is left', t => {
  const stream = Buffer.from('data: 1\n\ndata: 2\r\n\r\n: x\n\ndata: 3\n\ndata: 4\n')
  t.strictSame([...eventData(stream)].map(String), ['1', '2', '3'])
  t.end()
})

t.test('a stream cut anywhere gives a beginning of the events of the whole', t => {
  const line = fc.constantFrom('data: a', 'data:b', 'data', ': c', 'id: 1', '', '')
  const ending = fc.constantFrom('\n', '\r\n')
  const lines = fc.array(
    fc.tuple(line, ending).map(([text, end]) => text + end),
    { maxLength: 20 },
  )
  holds(
    t,
    fc.property(lines, fc.nat(), (text, cut) => {
      const stream = Buffer.from(text.join(''))
      const whole = [...eventData(stream)].map(String)
      const part = [...eventData(stream.subarray(0, cut % (stream.length + 1)))].map(String)
      return JSON.stringify(part) === JSON.stringify(whole.slice(0, part.length))
    }),
    2_000,
  )
  t.end()
})

t.test('the first event of a stream in pieces is whole with the piece that its reader needs, and not before', t => {
  const text = fc.constantFrom(
    'data: a',
    'data:b',
    'data: ',
    'data:  ',
    'data',
    'date: x',
    ': c',
    'id: 1',
    '\uFEFF',
    '',
  )
  const lines = fc.array(fc.tuple(text, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 12 })
  holds(
    t,
    fc.property(lines, fc.integer({ min: 1, max: 9 }), (written, size) => {
      const stream = Buffer.from(written.map(([line, end]) => line + end).join(''))
      const events = new FirstEvent()
      for (let end = 0; end < stream.length; ) {
        const piece = stream.subarray(end, end + size)
        end += piece.length
        const whole = eventData(stream.subarray(0, end)).next().done === false
        if (events.receive(piece) !== whole) return false
        if (whole) return true
      }
      return true
    }),
    5_000,
  )
  t.end()
})

t.test('a long event in the smallest pieces costs no more than its bytes', t => {
  const events = new FirstEvent()
  const line = Buffer.from('data:x\n')
  let looks = 0
  for (let i = 0; i < 1_000_000; i++) if (events.receive(line.subarray(i % 7, (i % 7) + 1))) looks++
  t.equal(looks, 0)
  t.ok(events.receive(Buffer.from('\n\n')))
  t.end()
})
