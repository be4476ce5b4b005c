import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as tick } from 'node:timers/promises'
import { test } from 'tap'
import { hearFirstBytes, type Speech } from '../../../src/listener/first-bytes.js'
import { seconds } from '../../../src/time/units.js'
import { ManualClock } from '../../support/clock.js'

/** What is heard when a client says `pieces`, one after the other, and `then` happens. */
async function hear(pieces: readonly string[], then: (clock: ManualClock, client: PassThrough) => unknown) {
  const client = new PassThrough()
  const clock = new ManualClock()
  const heard: Speech[] = []
  let last = ''
  hearFirstBytes(client as unknown as Socket, clock, seconds(10), (speech, bytes) => {
    heard.push(speech)
    last = String(bytes)
  })
  for (const piece of pieces) {
    client.write(Buffer.from(piece, 'latin1'))
    await tick()
  }
  await then(clock, client)
  await tick()
  return { heard, left: String(client.read() ?? ''), last }
}

const NOTHING = () => undefined

test('FP-05: the first bytes tell TLS, HTTP and other protocols apart, and stay on the socket', async t => {
  const cases: [pieces: string[], speech: Speech][] = [
    [['\x16\x03\x01\x02\x00'], 'tls'],
    [['\x16'], 'tls'],
    [['GET / HTTP/1.1\r\n'], 'http'],
    [['G', 'E', 'T', ' ', '/'], 'http'],
    [['OPTIONS * HTTP/1.1\r\n'], 'http'],
    [['M-SEARCH /x'], 'http'],
    [['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 'other'],
    [['get / HTTP/1.1\r\n'], 'other'],
    [['SSH-2.0-OpenSSH\r\n'], 'other'],
    [['\x00'], 'other'],
    [['GETX', 'Y!'], 'other'],
    [['A'.repeat(40)], 'other'],
  ]
  for (const [pieces, speech] of cases) {
    const { heard, left } = await hear(pieces, NOTHING)
    t.strictSame(heard, [speech], JSON.stringify(pieces))
    t.equal(left, pieces.join(''), 'nothing was taken away')
  }
})

test('FP-05: a client that waits for the other side is given up on after the silence', async t => {
  const early = await hear([], clock => clock.advance(seconds(9.9)))
  t.strictSame(early.heard, [])
  const late = await hear([], clock => clock.advance(seconds(10)))
  t.strictSame(late.heard, ['other'])
})

test('FP-05: half a request line is waited for one second, not longer', async t => {
  t.strictSame((await hear(['GET'], clock => clock.advance(seconds(0.9)))).heard, [])
  t.strictSame((await hear(['GET'], clock => clock.advance(seconds(1)))).heard, ['other'])
  t.strictSame((await hear(['G', 'E'], clock => clock.advance(seconds(1)))).heard, ['other'])
})

test('a client that ends is heard once, with what it said', async t => {
  const { heard, last } = await hear(['GE'], async (clock, client) => {
    client.end()
    await tick()
    clock.advance(seconds(20))
  })
  t.strictSame(heard, ['other'])
  t.equal(last, 'GE')
})
