import { once } from 'node:events'
import { type Test, test } from 'tap'
import { rawExchange, request } from '../support/client.js'
import { startTestDaemon, type TestDaemon } from '../support/daemon.js'
import type { Scrape } from '../support/exposition-reader.js'
import { scrape } from '../support/scrape.js'
import { openTunnel, startRawServer } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream, thoughtOver } from '../support/upstream.js'
import { payingYaml } from '../support/x402/paid-scene.js'
import { openShop, PRICE, payer } from '../support/x402/shop.js'

const JSON_TYPE = 'Content-Type: application/json'

async function start(t: Test, yaml: string, env: NodeJS.ProcessEnv = process.env): Promise<TestDaemon> {
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  return daemon
}

/** An upstream, and a daemon whose route `api` leads there. @param top further lines of the file */
async function scene(t: Test, script: Script, lines: readonly string[] = [], top = '') {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  const retry = lines.some(line => line.startsWith('retry:')) ? [] : ['retry: { backoff: { base: 10ms, cap: 20ms } }']
  const route = [`match: { host: 127.0.0.1, port: ${upstream.port} }`, ...retry, ...lines]
  const yaml = `${top}\nroutes:\n  - name: api\n${route.map(line => `    ${line}\n`).join('')}`
  const daemon = await start(t, yaml)
  const ask = (path: string, method = 'GET') => request(daemon.port, upstream.url + path, { method })
  return { upstream, daemon, ask }
}

/** The first answer, then nothing but 200. */
const once200 = (first: string): Script => {
  const asked = new Set<string>()
  return ({ path }) => {
    const isFirst = !asked.has(path)
    asked.add(path)
    return isFirst ? first : answer(200, 'ok')
  }
}

test('requests, attempts and repeats are counted under their route, once each', async t => {
  const { daemon, ask } = await scene(t, once200(answer(503, 'later')), [])
  for (const path of ['/a', '/b', '/a', '/a', '/b']) t.equal((await ask(path)).status, 200)
  t.equal((await ask('/c', 'POST')).status, 503, 'nobody repeats a bare POST')
  const { value } = await scrape(daemon)
  const route = 'api'
  t.equal(value('mulligan_requests_total', { route, method: 'GET', status: '200' }), 5)
  t.equal(value('mulligan_requests_total', { route, method: 'POST', status: '503' }), 1)
  t.equal(value('mulligan_attempts_total', { route, outcome: '503' }), 3)
  t.equal(value('mulligan_attempts_total', { route, outcome: '200' }), 5)
  t.equal(value('mulligan_retries_total', { route, why: 'status' }), 2)
  t.equal(value('mulligan_rescued_total', { route }), 2)
  t.equal(value('mulligan_request_seconds_count', { route }), 6)
  t.equal(value('mulligan_overhead_seconds_count', { route }), 6)
  t.equal(value('mulligan_hints_invalid_total', { route }), 0)
  t.ok(value('mulligan_request_seconds_sum', { route }) >= value('mulligan_overhead_seconds_sum', { route }))
  t.ok(value('mulligan_wait_seconds_total', { route, why: 'status' }) > 0)
})

test('R5, R8: a 429 is counted with its wait, and a hint that nobody can read as such', async t => {
  const { daemon, ask } = await scene(t, ({ path, number }) => {
    if (number > 2) return answer(200, 'ok')
    return path === '/odd' ? answer(503, '', 'Retry-After: soon') : answer(429, '', 'Retry-After-Ms: 60')
  })
  t.equal((await ask('/odd')).status, 200)
  const { value } = await scrape(daemon)
  const route = 'api'
  t.equal(value('mulligan_hints_invalid_total', { route }), 2)
  t.equal(value('mulligan_wait_seconds_total', { route, why: 'retry-after' }), 0)

  const limited = await scene(t, once200(answer(429, '', 'Retry-After-Ms: 60')))
  t.equal((await limited.ask('/')).status, 200)
  const after = await scrape(limited.daemon)
  t.equal(after.value('mulligan_attempts_total', { route, outcome: '429' }), 1)
  t.equal(after.value('mulligan_retries_total', { route, why: 'retry-after' }), 1)
  const waited = after.value('mulligan_wait_seconds_total', { route, why: 'retry-after' })
  t.ok(waited >= 0.06 && waited < 5, `${waited} s`)
  t.equal(after.value('mulligan_hints_invalid_total', { route }), 0)
})

test('R7, R9: an open breaker and a retry budget show under the origin that the configuration names', async t => {
  const down = await scene(t, () => answer(500), ['breaker: { failures: 2 }', 'cooldown: off'])
  const origin = down.upstream.url
  t.equal((await down.ask('/')).status, 500)
  t.equal((await down.ask('/')).status, 503)
  const { value, series } = await scrape(down.daemon)
  t.equal(value('mulligan_breaker_open', { origin }), 1)
  t.equal(value('mulligan_ends_total', { route: 'api', end: 'breaker_open' }), 1)
  t.equal(value('mulligan_requests_total', { route: 'api', method: 'GET', status: '503' }), 1)
  t.equal(value('mulligan_cooldown_waiting', { origin }), 0)
  t.ok(value('mulligan_retry_budget', { origin }) > 0)
  t.same(
    series.filter(({ name }) => name === 'mulligan_breaker_open').map(({ labels }) => labels),
    [{ origin }],
  )
  const off = await scene(t, () => answer(200), ['retry: off'])
  await off.ask('/')
  const { series: others } = await scrape(off.daemon)
  t.same(
    others.filter(({ name }) => name === 'mulligan_retry_budget'),
    [],
    'where retries are off there is no budget that could be empty',
  )
})

test('a request that waits at the cooldown gate shows while it waits, and in flight', async t => {
  const { daemon, upstream, seen, first } = await undisturbed(async () => {
    let limited = false
    const { daemon, ask, upstream } = await scene(t, () => {
      if (limited) return answer(200, 'ok')
      limited = true
      return answer(429, '', 'Retry-After-Ms: 1500')
    })
    let isOver = false
    const first = ask('/').finally(() => {
      isOver = true
    })
    const waiting = (at: Scrape) => at.value('mulligan_cooldown_waiting', { origin: upstream.url })
    while (upstream.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
    let seen = await scrape(daemon)
    while (waiting(seen) === 0 && !isOver) seen = await scrape(daemon)
    return { daemon, upstream, seen, first: await first }
  }, 500)
  t.equal(seen.value('mulligan_cooldown_waiting', { origin: upstream.url }), 1)
  t.equal(seen.value('mulligan_inflight'), 1)
  t.equal(seen.value('mulligan_client_connections'), 1)
  t.equal(first.status, 200)
  const after = await scrape(daemon)
  t.equal(after.value('mulligan_inflight'), 0)
  t.equal(after.value('mulligan_cooldown_waiting', { origin: upstream.url }), 0)
})

test('a refused token is counted as two calls to its source and one repeat', async t => {
  const script: Script = seen =>
    seen.header('authorization') === 'Bearer second' ? answer(200) : thoughtOver(answer(401))
  let calls = 0
  const issuer = await startUpstream(() => {
    const token = ++calls === 1 ? 'first' : 'second'
    return answer(200, JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600 }), JSON_TYPE)
  })
  t.teardown(() => issuer.close())
  const top = `
credentials:
  vendor:
    source: { oauth2: { token_url: "${issuer.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
`
  const { daemon, ask } = await scene(t, script, ['credential: vendor'], top)
  t.equal((await ask('/')).status, 200)
  const { value } = await scrape(daemon)
  t.equal(value('mulligan_credential_refreshes_total', { credential: 'vendor', result: 'ok' }), 2)
  t.equal(value('mulligan_credential_refreshes_total', { credential: 'vendor', result: 'failed' }), 0)
  t.equal(value('mulligan_credential_needs_login', { credential: 'vendor' }), 0)
  t.equal(value('mulligan_retries_total', { route: 'api', why: 'token-renewed' }), 1)
})

test('a credential that nobody is logged in for says so', async t => {
  const top = 'credentials: { vendor: { source: { env: NOT_SET_ANYWHERE } } }'
  const { daemon, ask } = await scene(t, () => answer(200), ['credential: vendor'], top)
  t.equal((await ask('/')).status, 502)
  const { value } = await scrape(daemon)
  t.equal(value('mulligan_credential_needs_login', { credential: 'vendor' }), 1)
  t.equal(value('mulligan_credential_refreshes_total', { credential: 'vendor', result: 'permanent' }), 1)
  t.equal(value('mulligan_ends_total', { route: 'api', end: 'token_login_required' }), 1)
})

test('I6: keyed requests are counted by what became of them', async t => {
  const lines = ['idempotency: { upstream: none, replay: {} }']
  const { daemon, upstream } = await scene(t, () => answer(201, 'made'), lines, 'store: memory')
  const post = async (key: string, body: string) => {
    const fields = [JSON_TYPE, `Idempotency-Key: ${key}`]
    return (await request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body, fields })).status
  }
  t.same(
    [await post('k1', '1'), await post('k1', '1'), await post('k1', '2'), await post('k2', '1')],
    [201, 201, 422, 201],
  )
  const { value } = await scrape(daemon)
  const results = ['sent', 'replayed', 'key_reused', 'shared']
  t.same(
    results.map(result => value('mulligan_idempotency_total', { route: 'api', result })),
    [2, 1, 1, 0],
  )
  t.equal(value('mulligan_requests_total', { route: 'api', method: 'POST', status: '201' }), 3)
  t.equal(value('mulligan_attempts_total', { route: 'api', outcome: '201' }), 2)
  t.equal(value('mulligan_store_errors_total'), 0)
})

test('a tunnel shows while it is open, and counts as a request when it is over', async t => {
  const server = await startRawServer(t, socket => void socket.resume().once('end', () => socket.end()))
  const daemon = await start(t, 'routes: [{ name: other, match: { host: other.test } }]')
  const { socket, status } = await openTunnel(daemon.port, `127.0.0.1:${server.port}`)
  t.equal(status, 200)
  const open = await scrape(daemon)
  t.equal(open.value('mulligan_tunnels_open'), 1)
  t.equal(open.value('mulligan_inflight'), 0)
  socket.destroy()
  await once(socket, 'close')
  await daemon.logged(1)
  const { value } = await scrape(daemon)
  t.equal(value('mulligan_tunnels_open'), 0)
  t.equal(value('mulligan_requests_total', { route: '-', method: 'CONNECT', status: '200' }), 1)
  t.equal(value('mulligan_attempts_total', { route: '-', outcome: 'connected' }), 1)
  t.equal(value('mulligan_request_seconds_count', { route: '-' }), 0, 'its length is its client’s')
})

test('P1: a payment is counted with what was signed for, in atomic units', async t => {
  const shop = await openShop(t, {})
  const env = { ...process.env, WALLET_KEY: payer.key }
  const daemon = await start(t, payingYaml(shop.server.port, 'plain'), env)
  for (const _ of [1, 2]) {
    t.equal((await request(daemon.port, `http://127.0.0.1:${shop.server.port}/paid`)).status, 200)
  }
  const { value } = await scrape(daemon)
  t.equal(value('mulligan_payments_total', { route: 'shop', result: 'paid' }), 2)
  t.equal(value('mulligan_payments_total', { route: 'shop', result: 'settled' }), 2)
  t.equal(value('mulligan_spend_units_total', { wallet: 'agent', asset: 'USDC' }), Number(2n * PRICE))
  t.equal(value('mulligan_retries_total', { route: 'shop', why: 'paid' }), 2)
})

test('what clients and upstreams choose makes no series: methods, statuses, and hosts behind a route for all', async t => {
  const origins = await Promise.all([1, 2, 3].map(() => startUpstream(({ path }) => answer(Number(path.slice(1))))))
  t.teardown(() => Promise.all(origins.map(origin => origin.close())))
  const daemon = await start(t, 'routes: [{ name: all, match: { host: "*" } }]')
  for (const { url } of origins) {
    for (const method of ['PROPFIND', 'PURGE', 'GET']) {
      for (const status of [299, 298, 499, 467]) await request(daemon.port, `${url}/${status}`, { method })
    }
  }
  const { series, value } = await scrape(daemon)
  t.same(
    [...new Set(series.flatMap(({ labels }) => (labels['origin'] === undefined ? [] : [labels['origin']])))],
    ['other'],
  )
  const requests = series.filter(({ name }) => name === 'mulligan_requests_total')
  t.equal(requests.length, 6)
  t.equal(value('mulligan_requests_total', { route: 'all', method: 'other', status: '2xx' }), 12)
  t.equal(value('mulligan_requests_total', { route: 'all', method: 'GET', status: '4xx' }), 3)
  t.equal(value('mulligan_attempts_total', { route: 'all', outcome: '499' }), 9)
  t.notMatch(JSON.stringify(series), /127\.0\.0\.1|PROPFIND/)
})

test('the process tells of itself, and without an admin port nothing is counted', async t => {
  const daemon = await start(t, 'routes: [{ name: all, match: { host: "*" } }]')
  const { value, series } = await scrape(daemon)
  t.ok(value('process_cpu_seconds_total') > 0)
  t.ok(value('process_resident_memory_bytes') > 10_000_000)
  t.ok(Math.abs(value('process_start_time_seconds') - Date.now() / 1_000) < 3_600)
  t.ok(value('nodejs_eventloop_active_seconds_total') > 0)
  t.ok(
    series.some(({ name, labels }) => name === 'mulligan_build_info' && /^\d+\.\d+\.\d+/.test(labels['version'] ?? '')),
  )
  const { admin } = daemon.daemon
  const port = admin?.kind === 'tcp' ? admin.port : 0
  const foreign = 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
  t.match(await rawExchange(port, foreign), /^HTTP\/1\.1 403 /, 'a page under another name reads nothing')
  const silent = await startTestDaemon()
  t.teardown(() => silent.close())
  t.equal(silent.daemon.admin, undefined)
})
