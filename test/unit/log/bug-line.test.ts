import t from 'tap'
import { bugRecord } from '../../../src/log/bug-line.js'

t.test('T8: of a bug its kind, words and place are kept; what it quotes and carries is not', t => {
  const cause = new SyntaxError('Unexpected token "canary-of-16-characters" in JSON')
  const error = Object.assign(new TypeError('cannot use https://api.example/?key=canary as a URL', { cause }), {
    code: 'ERR_INVALID_URL',
    input: 'https://api.example/?key=canary',
    rawPacket: Buffer.from('Authorization: Bearer canary'),
  })
  const record = bugRecord(error)
  t.match(record, {
    type: 'TypeError',
    message: 'cannot use https://api.example/?key=[redacted] as a URL',
    code: 'ERR_INVALID_URL',
    stack: /^ {4}at .*bug-line\.test\.[jt]s:\d+/,
    cause: { type: 'SyntaxError', message: 'Unexpected token "[redacted]" in JSON' },
  })
  t.notMatch(JSON.stringify(record), /canary|rawPacket|input/)
  t.end()
})

t.test('what is no error, has no stack, or is its own cause, is told all the same', t => {
  t.strictSame(bugRecord('out of words'), { type: 'string', message: 'out of words', stack: '' })
  t.strictSame(bugRecord(undefined), { type: 'undefined', message: 'undefined', stack: '' })
  const bare = new RangeError('too much')
  bare.stack = undefined as unknown as string
  t.strictSame(bugRecord(bare), { type: 'RangeError', message: 'too much', stack: '' })
  const ring = new Error('a')
  ring.cause = new Error('b', { cause: ring })
  t.match(bugRecord(ring), { message: 'a', cause: { message: 'b', cause: undefined } })
  t.notMatch(bugRecord(new Error('first\n    at canary')).stack, 'canary')
  t.end()
})
