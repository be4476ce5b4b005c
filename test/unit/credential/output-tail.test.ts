import fc from 'fast-check'
import t from 'tap'
import { outputTail } from '../../../src/credential/output-tail.js'

t.test('plain words, names of hosts and paths stay', t => {
  const rows = [
    'could not reach login.example.com: connection refused',
    'cannot open /home/agent/config',
    'exit: no profile named dev',
    'the refresh token has expired',
  ]
  for (const row of rows) t.equal(outputTail(row, false, []), row)
  t.end()
})

t.test('T8: what may be a token is masked', t => {
  const cases: [string, string][] = [
    ['got eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln from it', 'got [redacted] from it'],
    ['key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'key [redacted]'],
    ['client_secret=hunter2 was refused', 'client_secret=[redacted] was refused'],
    ['{"access_token": "short","a":1}', '{"access_token": "[redacted]","a":1}'],
    ['Authorization: Bearer abc', 'Authorization: Bearer [redacted]'],
    ['sent bearer abc', 'sent bearer [redacted]'],
    ['password: pw', 'password: [redacted]'],
    ['correct-horse-battery', '[redacted]'],
  ]
  for (const [text, shown] of cases) t.equal(outputTail(text, false, []), shown)
  t.equal(outputTail('user hunter2 and hunter23', false, ['hunter2', 'hunter23', '']), 'user [redacted] and [redacted]')
  t.end()
})

t.test('T8: no random token of 16 characters or more gets through, whatever surrounds it', t => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const token = fc.array(fc.constantFrom(...letters), { minLength: 16, maxLength: 80 }).map(list => list.join(''))
  const around = fc.stringMatching(/^[ "'=:;,({]?$/)
  fc.assert(
    fc.property(token, around, around, fc.boolean(), (secret, before, after, cut) => {
      const text = `words ${before}${secret}${after} words`
      return !outputTail(text, cut, []).includes(secret)
    }),
  )
  t.end()
})

t.test('it is one line of printable characters, and its last 200', t => {
  t.equal(outputTail('\x1b[31mred\x1b[0m\r\n\ttwo\x07 \x1b]0;title\x07three \u2713', false, []), 'red two three')
  const long = outputTail('no such thing here. '.repeat(40), false, [])
  t.match(long, /^\.\.\..*here\.$/)
  t.equal(long.length, 203)
  t.equal(outputTail('Bx3 rest', true, []), 'rest', 'the rest of a cut token')
  t.end()
})
