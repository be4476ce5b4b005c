import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { readHead } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream, thoughtOver, type UpstreamOptions } from '../support/upstream.js'

const REFUSED = answer(401, 'who?', 'WWW-Authenticate: Bearer error="invalid_token"', 'Connection: close')

/** An issuer whose tokens the API takes until they are revoked. */
async function scene(t: Test, script: Script, options: UpstreamOptions = {}) {
  const issuer = { calls: 0, next: 'first', good: 'first', fail: false, hang: false }
  /** How many get their 401 at the same moment. */
  const refusals = { atOnce: 1 }
  const held: (() => void)[] = []
  const refuse = () =>
    new Promise<string>(resolve => {
      held.push(() => resolve(thoughtOver(REFUSED)))
      if (held.length >= refusals.atOnce) for (const letGo of held.splice(0)) letGo()
    })
  const endpoint = await startUpstream(() => {
    issuer.calls++
    if (issuer.hang) return undefined
    const body = JSON.stringify({ access_token: issuer.next, token_type: 'Bearer', expires_in: 3600 })
    return issuer.fail ? answer(503) : answer(200, body, 'Content-Type: application/json')
  })
  const upstream = await startUpstream(
    (seen, socket) => (seen.header('authorization') === `Bearer ${issuer.good}` ? script(seen, socket) : refuse()),
    options,
  )
  const daemon = await startTestDaemon(`
credentials:
  vendor:
    source: { oauth2: { token_url: "${endpoint.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes: [{ name: api, match: { host: 127.0.0.1, port: ${upstream.port} }, credential: vendor }]
`)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
    await endpoint.close()
  })
  const url = `${upstream.url}/items`
  /** The token is held; now it is revoked before its time. */
  const revoke = async (next: string) => {
    t.equal((await request(daemon.port, url)).status, 200)
    Object.assign(issuer, { good: next, next })
  }
  return { issuer, refusals, upstream, daemon, url, revoke }
}

test('seed: a token that is revoked before its time is replaced, and nobody notices', async t => {
  const { issuer, daemon, url, revoke } = await scene(t, () => answer(200, 'welcome'))
  await revoke('second')
  t.equal((await request(daemon.port, url)).text, 'welcome')
  t.equal((await request(daemon.port, url)).text, 'welcome')
  t.equal(issuer.calls, 2)
})

test('T4: 100 concurrent 401s while the issuer fails are three calls at most, and all are answered', async t => {
  const count = 100
  const { issuer, answers, waits } = await undisturbed(async () => {
    const { issuer, refusals, daemon, url, revoke } = await scene(t, () => answer(200))
    await revoke('second')
    issuer.fail = true
    issuer.calls = 0
    refusals.atOnce = count
    const answers = await crowd(count, count, async () => {
      const { status, text } = await request(daemon.port, url)
      return `${status} ${text}`
    })
    const records = await daemon.logged(count + 1)
    return { issuer, answers, waits: records.flatMap(({ attempts }) => attempts.map(({ wait_ms }) => wait_ms)) }
  }, 300)
  t.ok(
    answers.every(one => one === '401 who?'),
    'with the upstream’s own 401',
  )
  t.ok(issuer.calls <= 3, `${issuer.calls} calls`)
  t.ok(Math.max(...waits) < 1_000, `the longest wait for a token was ${Math.max(...waits)} ms`)
})

test('seed: a client that leaves during a renewal leaves the renewal to others', async t => {
  const { issuer, upstream, daemon, url, revoke } = await scene(t, () => answer(200, 'welcome'))
  await revoke('second')
  issuer.hang = true
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(`GET ${url} HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
  await until(() => issuer.calls === 2)
  socket.destroy()
  const [, record] = await daemon.logged(2)
  t.match(record, { end: 'client-gone', attempts: [{ outcome: '401' }] })
  t.equal(upstream.seen.length, 2, 'nothing was sent for it any more')
  t.equal(issuer.calls, 2)
})

test('T2: a WebSocket handshake that is refused gets its second shot too', async t => {
  const { upstream, daemon, url, revoke } = await scene(t, seen =>
    seen.header('upgrade') === undefined
      ? answer(200)
      : 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  await revoke('second')
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const fields =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  socket.write(`GET ${url} HTTP/1.1\r\nHost: ${upstream.authority}\r\n${fields}\r\n\r\n`)
  t.match(await readHead(socket), /^HTTP\/1\.1 101 /)
  t.strictSame(
    upstream.seen.map(seen => seen.header('authorization')),
    ['Bearer first', 'Bearer first', 'Bearer second'],
  )
})

test('L6: with Expect no byte of a body is sent to an upstream that refuses the token', async t => {
  const bodies: number[] = []
  const { upstream, daemon, url, revoke } = await scene(
    t,
    (seen, socket) => {
      if (seen.method === 'GET') return answer(200, '', 'Connection: close')
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      let left = 5
      socket.on('data', chunk => {
        bodies.push(chunk.length)
        left -= chunk.length
        if (left === 0) socket.write(answer(200, 'taken'))
      })
      return undefined
    },
    { early: true, onConnection: socket => socket.setNoDelay(true) },
  )
  await revoke('second')
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(
    `POST ${url} HTTP/1.1\r\nHost: ${upstream.authority}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
  )
  t.match(await readHead(socket), /^HTTP\/1\.1 100 /)
  socket.write('order')
  t.match(await readHead(socket), /^HTTP\/1\.1 200 /)
  t.strictSame(bodies, [5])
  t.equal(upstream.seen.length, 3)
  t.equal((await daemon.logged(2))[1]?.attempts[0]?.outcome, '401')
})
