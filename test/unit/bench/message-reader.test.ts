import t from 'tap'
import { MessageReader } from '../../../src/bench/message-reader.js'

t.test('messages are counted whatever the chunks they come in', t => {
  const stream =
    'POST /post HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /1k HTTP/1.1\r\nHost: a\r\n\r\nGET /64k HTTP/1.1\r\nHost: a\r\n\r\n'
  const whole = ['POST /post', 'GET /1k', 'GET /64k']
  for (let size = 1; size <= stream.length; size++) {
    const seen: string[] = []
    const reader = new MessageReader(head => seen.push(head.slice(0, head.indexOf(' HTTP'))))
    for (let at = 0; at < stream.length; at += size) reader.feed(Buffer.from(stream.slice(at, at + size)))
    if (String(seen) !== String(whole)) t.strictSame(seen, whole, `in chunks of ${size}`)
  }
  t.end()
})

t.test('what it does not understand it refuses', t => {
  const reader = () => new MessageReader(() => undefined)
  t.throws(() => reader().feed(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')), /chunked/)
  t.throws(() => reader().feed(Buffer.alloc(70_000, 'x')), /head/)
  t.end()
})
