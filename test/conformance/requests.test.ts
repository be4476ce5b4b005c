import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { request, untilClosed } from '../support/client.js'
import { startTestDaemon, type TestDaemon } from '../support/daemon.js'
import { answer, startUpstream, type TestUpstream } from '../support/upstream.js'
import { MALFORMED_FRAMING, MALFORMED_LATE } from './vectors/requests-framing.js'
import { MALFORMED_HEADS, type MalformedRequest } from './vectors/requests-malformed.js'

const EARLY: readonly MalformedRequest[] = [...MALFORMED_HEADS, ...MALFORMED_FRAMING]
const TABLE = [...EARLY, ...MALFORMED_LATE]
/** Longer than any answer takes here, in milliseconds: a proxy that waits for more has not refused. */
const SILENCE = 3_000
const BEHIND = 'GET http://UP/behind HTTP/1.1\r\nHost: UP\r\n\r\n'

type Bench = { readonly daemon: TestDaemon; readonly upstream: TestUpstream; readonly bytes: () => number }

async function bench(t: Test): Promise<Bench> {
  let bytes = 0
  const upstream = await startUpstream(() => answer(200, 'clean'), {
    onConnection: socket => socket.on('data', chunk => (bytes += chunk.length)),
  })
  const daemon = await startTestDaemon()
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  return { daemon, upstream, bytes: () => bytes }
}

/** All bytes until the proxy closes; `''` and a word on what happened when it does not. */
const exchange = (port: number, bytes: string): Promise<string> =>
  untilClosed(connect(port, '127.0.0.1'), Buffer.from(bytes, 'latin1'), SILENCE)

/** What is wrong with the treatment of one row; empty when nothing is. */
async function complaints(
  { daemon, upstream, bytes }: Bench,
  row: MalformedRequest,
  behind: string,
): Promise<string[]> {
  const [id, name, text, status = 400] = row
  const seenBefore = upstream.seen.length
  const bytesBefore = bytes()
  const received = await exchange(daemon.port, (text + behind).replaceAll('UP', upstream.authority))
  const clean = await request(daemon.port, `${upstream.url}/clean`)
  const found: string[] = []
  const say = (what: string) => found.push(`${id} ${name}: ${what}`)
  const answers = received.match(/HTTP\/1\.1 \d{3}/g) ?? []
  if (answers.length !== 1 || answers[0] !== `HTTP/1.1 ${status}`)
    say(`answers ${JSON.stringify(received.slice(0, 300))}`)
  if (!received.includes('application/problem+json')) say('no problem document')
  if (!/\r\nconnection: close\r\n/i.test(received) || received.endsWith('[left open]')) say('not closed')
  if (clean.text !== 'clean') say('the next clean request failed')
  const forwarded = upstream.seen.slice(seenBefore).map(seen => `${seen.method} ${seen.path}`)
  if (forwarded.join() !== 'GET /clean') say(`forwarded ${forwarded.join()}`)
  const extra = bytes() - bytesBefore - (upstream.seen.at(-1)?.head.length ?? 0) - 4
  if (extra !== 0 && !MALFORMED_LATE.includes(row)) say(`${extra} bytes forwarded`)
  return found
}

test('F2: a malformed request gets one problem document and a close, and no upstream gets a request', async t => {
  const on = await bench(t)
  for (const row of TABLE) t.same(await complaints(on, row, ''), [], `${row[0]} ${row[1]}`)
})

test('F2: what is pipelined behind a refused request is never looked at', async t => {
  const on = await bench(t)
  for (const row of TABLE) t.same(await complaints(on, row, BEHIND), [], `${row[0]} ${row[1]}`)
})

test('F2: bytes that come after a refusal are never looked at', async t => {
  const { daemon, upstream } = await bench(t)
  for (const refused of [
    'GET http://UP/ HTTP/1.1\r\n\r\n',
    'GET http://UP/#a HTTP/1.1\r\nHost: UP\r\n\r\n',
    'GET /\0 HTTP/1.1\r\n\r\n',
  ]) {
    const socket = connect(daemon.port, '127.0.0.1')
    let received = ''
    const closed = new Promise(resolve => socket.on('close', resolve))
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      if (received === '') socket.write(BEHIND.replaceAll('UP', upstream.authority))
      received += chunk.toString('latin1')
    })
    socket.write(refused.replaceAll('UP', upstream.authority))
    await closed
    t.equal(received.match(/HTTP\/1\.1/g)?.length, 1, refused)
  }
  t.equal(upstream.seen.length, 0)
})

test('rfc9112-5: a tab behind a length is no part of it, or Node 20 refuses the request', async t => {
  const { daemon, upstream } = await bench(t)
  const head = 'POST http://UP/ HTTP/1.1\r\nHost: UP\r\nConnection: close\r\nContent-Length: 5\t\r\n\r\nhello'
  const received = await exchange(daemon.port, head.replaceAll('UP', upstream.authority))
  if (received.startsWith('HTTP/1.1 400 ')) t.equal(upstream.seen.length, 0)
  else t.match(upstream.seen[0]?.head, /\r\nContent-Length: 5\r\n/)
})

test('the tables are as large as promised and their ids are unique', t => {
  const ids = TABLE.map(([id]) => id)
  t.ok(ids.length >= 150, `${ids.length} rows`)
  t.equal(new Set(ids).size, ids.length)
  t.end()
})
