import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { afterReading, digestOf, received, startReceiver, upload } from '../support/upload.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

type Vendor = {
  /** What the token endpoint gives next; a status alone fails. */
  next: string
  status: number
  calls: number
}

/** A token endpoint, and the daemon with a credential for what listens on `port`. */
async function withCredential(t: Test, port: number, settings = '') {
  const vendor: Vendor = { next: 'first', status: 200, calls: 0 }
  const issuer = await startUpstream(() => {
    vendor.calls++
    const body = vendor.status === 200 ? { access_token: vendor.next, token_type: 'Bearer', expires_in: 3600 } : {}
    return answer(vendor.status, JSON.stringify(body), 'Content-Type: application/json')
  })
  const daemon = await startTestDaemon(`
credentials:
  vendor:
    source: { oauth2: { token_url: "${issuer.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes:
  - name: api
    match: { host: 127.0.0.1, port: ${port} }
    retry: { backoff: { base: 10ms, cap: 20ms } }
    credential: vendor
    ${settings}
`)
  t.teardown(async () => {
    await daemon.close()
    await issuer.close()
  })
  return { vendor, daemon }
}

/** And an API that wants its token. */
async function scene(t: Test, script: Script) {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  return { ...(await withCredential(t, upstream.port)), upstream, url: `${upstream.url}/items` }
}

const REFUSED = answer(401, 'who?', 'WWW-Authenticate: Bearer error="invalid_token"', 'X-Case: Kept')

/** 200 for this token alone. */
const only =
  (token: () => string): Script =>
  seen =>
    seen.header('authorization') === `Bearer ${token()}` ? answer(200, 'welcome') : REFUSED

test('T1: a token is fetched once and sent with every request; what the client sent there is replaced', async t => {
  const { vendor, upstream, daemon, url } = await scene(
    t,
    only(() => 'first'),
  )
  for (let i = 0; i < 5; i++)
    t.equal((await request(daemon.port, url, { fields: ['authorization: Bearer own'] })).text, 'welcome')
  t.equal(vendor.calls, 1)
  t.equal(upstream.seen[0]?.head.match(/authorization/gi)?.length, 1)
})

test('T2: a 401 is answered by one renewal and one repeat, of any method, with the whole body', async t => {
  let good = 'first'
  const { vendor, upstream, daemon, url } = await scene(
    t,
    only(() => good),
  )
  t.equal((await request(daemon.port, url)).status, 200)
  good = 'second'
  vendor.next = 'second'
  const got = await request(daemon.port, url, { method: 'POST', body: 'order' })
  t.equal(got.text, 'welcome')
  t.match(
    got.header('proxy-status'),
    /^mulligan\S*; received-status=401; details="attempts=2; waited=\S+; reason=token-renewed"$/,
  )
  t.equal(vendor.calls, 2)
  t.strictSame(
    upstream.seen.slice(1).map(({ method, body }) => `${method} ${body}`),
    ['POST order', 'POST order'],
  )
  const [, record] = await daemon.logged(2)
  t.match(record?.attempts, [{ outcome: '401', why: 'token-renewed' }, { outcome: '200' }])
})

test('T2: a second 401 is the client’s, intact, and so is the first when there is no other token', async t => {
  const { vendor, daemon, url } = await scene(t, () => REFUSED)
  vendor.next = 'a'
  const first = await request(daemon.port, url)
  t.equal(first.status, 401, 'the same token again is no remedy')
  t.equal(first.text, 'who?')
  t.equal(first.header('www-authenticate'), 'Bearer error="invalid_token"')
  t.equal(first.header('x-case'), 'Kept')
  t.equal(first.header('proxy-status'), undefined, 'nothing was done about it')
  vendor.next = 'b'
  const second = await request(daemon.port, url)
  t.equal(second.status, 401)
  t.equal(second.text, 'who?')
  t.match(second.header('proxy-status'), 'received-status=401; details="attempts=2; ')
  const records = await daemon.logged(2)
  t.match(records[0]?.attempts, [{ why: 'token-not-renewed' }])
  t.match(records[1]?.attempts, [{ why: 'token-renewed' }, { why: 'token-refused-again' }])
})

test('L10: while the token endpoint fails, the client gets the upstream’s own 401', async t => {
  let good = 'first'
  const { vendor, daemon, url } = await scene(
    t,
    only(() => good),
  )
  t.equal((await request(daemon.port, url)).status, 200)
  good = 'second'
  vendor.status = 500
  const got = await request(daemon.port, url)
  t.equal(got.status, 401)
  t.equal(got.text, 'who?')
})

test('TR-07: when no token was ever had the answer is 503 token_unavailable, and nothing is sent', async t => {
  const { vendor, upstream, daemon, url } = await scene(
    t,
    only(() => 'first'),
  )
  vendor.status = 500
  const got = await request(daemon.port, url)
  t.equal(got.status, 503)
  t.match(JSON.parse(got.text), { code: 'token_unavailable', outcome: 'not-sent' })
  t.match(got.header('retry-after'), /^[1-9]/)
  t.equal(upstream.seen.length, 0)
  vendor.status = 401
})

test('T3: 100 concurrent 401s are one renewal', async t => {
  let good = 'first'
  const { vendor, daemon, url } = await scene(
    t,
    only(() => good),
  )
  t.equal((await request(daemon.port, url)).status, 200)
  good = 'second'
  vendor.next = 'second'
  const statuses = await crowd(100, 100, async () => (await request(daemon.port, url)).status)
  t.ok(statuses.every(status => status === 200))
  t.equal(vendor.calls, 2, 'one at first, one for all')
})

test('T2: an upload refused in the middle is renewed once and repeated whole', async t => {
  const size = 50_000_000
  const taken: string[] = []
  const api = await startReceiver(async (seen, reply, number) => {
    if (number === 1) return void reply.end()
    if (number === 2) {
      return afterReading(seen, 5_000_000, () => {
        reply.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end('who?')
        seen.resume()
      })
    }
    taken.push(`${seen.headers.authorization} ${(await received(seen)).digest}`)
    reply.end('taken')
  })
  t.teardown(() => api.close())
  const { vendor, daemon } = await withCredential(t, Number(new URL(api.url).port), 'body: { spill: 64MiB }')
  t.equal((await request(daemon.port, `${api.url}/`)).status, 200)
  vendor.next = 'second'
  const got = await upload(daemon.port, `${api.url}/`, size, { framing: 'length' })
  t.equal(got.text, 'taken')
  t.strictSame(taken, [`Bearer second ${digestOf(size)}`])
  t.equal(vendor.calls, 2)
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})

test('T2: a 401 too long to be held is the client’s, whole', async t => {
  const long = 'x'.repeat(200_000)
  const { vendor, daemon, url } = await scene(
    t,
    () => `HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
  )
  vendor.next = 'a'
  const got = await request(daemon.port, url)
  t.equal(got.status, 401)
  t.equal(got.text, long)
})

test('T8: no token is in any log line', async t => {
  const { vendor, daemon, url } = await scene(t, () => REFUSED)
  vendor.next = 'canary-7c1f'
  await request(daemon.port, url)
  await daemon.logged(1)
  t.notMatch(JSON.stringify(daemon.lines), 'canary')
  t.notMatch(JSON.stringify(daemon.lines), 'client-secret')
  t.ok(daemon.lines.some(line => line['msg'] === 'refresh' && line['outcome'] === 'ok' && line['generation'] === 1))
})
