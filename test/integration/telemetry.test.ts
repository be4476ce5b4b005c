import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { UPSTREAM_CERTIFICATE } from '../support/intercepted.js'
import { attributesOf, startCollector } from '../support/otlp.js'
import { shortDir } from '../support/short-dir.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const ROUTES = 'routes: [{ name: all, match: { host: "*" }, retry: { backoff: { base: 10ms, cap: 20ms } } }]\n'
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

const exporting = (url: string, more = '') => `telemetry: { otlp: { endpoint: "${url}"${more} } }\n${ROUTES}`

async function upstreamFor(t: Test, script: Script = () => answer(200, 'ok')) {
  const upstream = await startUpstream(script)
  t.teardown(() => upstream.close())
  return upstream
}

/** Closed by the test itself, which sends what waits, or at its end. */
async function daemonFor(t: Test, yaml: string, env: NodeJS.ProcessEnv = process.env, admin = 'off') {
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', env, admin)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= daemon.close())
  t.teardown(close)
  return { ...daemon, close }
}

test('an exchange with a repeat is three spans of the client’s trace, whose fields go upstream byte for byte', async t => {
  const collector = await startCollector(t)
  const upstream = await upstreamFor(t, ({ number }) => (number === 1 ? answer(503) : answer(200, 'ok')))
  const daemon = await daemonFor(t, exporting(collector.url, ', service_name: shop'))
  const lines = [`TraceParent: ${PARENT}`, 'tracestate: congo=t61rcWkgMzE, rojo=00f067aa0ba902b7', 'TRACESTATE: a=1']
  t.equal((await request(daemon.port, `${upstream.url}/items?q=1`, { fields: lines })).status, 200)
  await daemon.close()
  t.equal(upstream.seen.length, 2)
  for (const { head } of upstream.seen) {
    t.strictSame(
      head.split('\r\n').filter(line => /^trace/i.test(line)),
      lines,
    )
  }
  const [server, first, second, ...more] = collector.spans()
  t.strictSame(more, [])
  t.strictSame(
    collector.exports.flatMap(({ wrong }) => wrong),
    [],
  )
  const [, traceId, parentSpanId] = PARENT.split('-')
  t.match(server, { traceId, parentSpanId, kind: 2, name: 'GET', flags: 0x301 })
  t.match(first, { traceId, parentSpanId: server?.spanId, kind: 3, status: { code: 2 } })
  t.match(second, { traceId, parentSpanId: server?.spanId, kind: 3, status: {} })
  const at = { 'server.address': '127.0.0.1', 'server.port': upstream.port, 'http.request.method': 'GET' }
  t.match(server && attributesOf(server), { ...at, 'http.response.status_code': 200, 'mulligan.route': 'all' })
  t.match(first && attributesOf(first), {
    ...at,
    ...{ 'url.full': `${upstream.url}/items`, 'http.response.status_code': 503, 'error.type': '503' },
    'mulligan.why': 'status',
  })
  t.match(second && attributesOf(second), { ...at, 'http.request.resend_count': 1 })
  t.equal(server && attributesOf(server)['mulligan.id'], daemon.exchanges()[0]?.id, 'the log calls it the same')
  const { resource } = collector.exports[0] ?? {}
  t.match(resource, {
    'service.name': 'shop',
    'service.version': /^\d+\.\d+\.\d+$/,
    'service.instance.id': /^mulligan-/,
  })
  const [start, end] = [Number(server?.startTimeUnixNano) / 1e6, Number(server?.endTimeUnixNano) / 1e6]
  t.ok(start <= end && Math.abs(Date.now() - end) < 60_000)
})

test('a client that is not sampled is not exported; a malformed traceparent begins a trace; both are passed on', async t => {
  const collector = await startCollector(t)
  const upstream = await upstreamFor(t)
  const daemon = await daemonFor(t, exporting(collector.url))
  const fields = [PARENT.replace(/01$/, '00'), 'ff-no-traceparent', PARENT.toUpperCase()]
  for (const value of fields) await request(daemon.port, `${upstream.url}/`, { fields: [`traceparent: ${value}`] })
  await daemon.close()
  t.strictSame(
    upstream.seen.map(({ header }) => header('traceparent')),
    fields,
  )
  const servers = collector.spans().filter(({ kind }) => kind === 2)
  t.equal(servers.length, 2)
  for (const span of servers) {
    t.notOk(Object.hasOwn(span, 'parentSpanId'))
    t.not(span.traceId, PARENT.split('-')[1])
  }
})

test('without telemetry nothing is added to a request, and nothing is taken away', async t => {
  const upstream = await upstreamFor(t)
  const daemon = await daemonFor(t, ROUTES)
  await request(daemon.port, `${upstream.url}/`, { fields: [`traceparent: ${PARENT}`, 'tracestate: a=1'] })
  await request(daemon.port, `${upstream.url}/`)
  t.match(upstream.seen[0]?.head, `traceparent: ${PARENT}\r\ntracestate: a=1`)
  t.notMatch(upstream.seen[1]?.head, /traceparent/i)
})

test('T8: no value of a field, nothing of a query and no secret is exported, of requests of every kind', async t => {
  const collector = await startCollector(t)
  const upstream = await upstreamFor(t, ({ path }) =>
    answer(path.startsWith('/bad') ? 401 : 200, 'canary-body', 'Set-Cookie: canary-cookie'),
  )
  const env = { ...process.env, OTEL_KEY: 'canary-otel', TOKEN: 'canary-token' }
  const routes = `credentials: { vendor: { source: { env: TOKEN } } }
routes:
  - { name: vendor, match: { host: 127.0.0.1, port: ${upstream.port}, path: /vendor }, credential: vendor }
  - { name: all, match: { host: "*" } }
`
  const yaml = exporting(collector.url, ', headers: { x-api-key: { env: OTEL_KEY } }').replace(ROUTES, routes)
  const daemon = await daemonFor(t, yaml, env)
  const fields = [
    'Authorization: Bearer canary-bearer',
    'Cookie: canary-c',
    'X-Any: canary-x',
    'User-Agent: canary-agent',
  ]
  const traced = [`traceparent: ${PARENT}`, 'tracestate: canary=1']
  const ask = (path: string, more: string[] = []) =>
    request(daemon.port, `${upstream.url}${path}`, { fields: [...fields, ...more] })
  await ask('/?canary=query', traced)
  await ask('/bad?canary-query')
  await ask('/vendor')
  await request(daemon.port, `${upstream.url}/upload?a=canary`, { method: 'POST', body: 'canary-upload', fields })
  await request(daemon.port, `http://canary:pass@${upstream.authority}/`, { fields })
  await request(daemon.port, '/nowhere?canary', { fields: [...fields, 'X: canary'] })
  await request(daemon.port, 'http://canary.invalid:1/?canary', { fields })
  await daemon.close()
  t.ok(collector.spans().length >= 10)
  t.notMatch(
    collector.exports
      .map(each => each.text)
      .join('\n')
      .replaceAll('canary.invalid', ''),
    'canary',
  )
  t.equal(collector.exports[0]?.headers['x-api-key'], 'canary-otel', 'the key goes to the collector, in its field')
  t.notMatch(daemon.lines.map(line => JSON.stringify(line)).join('\n'), 'canary-otel')
})

test('F7: a reload changes where spans go; what waited still goes to the old collector', async t => {
  const [one, two] = [await startCollector(t), await startCollector(t)]
  const upstream = await upstreamFor(t)
  const daemon = await daemonFor(t, exporting(one.url))
  const get = (path: string) => request(daemon.port, `${upstream.url}${path}`)
  const paths = (collector: typeof one) => collector.spans().flatMap(span => attributesOf(span)['url.path'] ?? [])
  await get('/first')
  await daemon.reload(exporting(one.url))
  await get('/second')
  t.equal(one.exports.length, 0, 'the same settings: nothing is sent early')
  await daemon.reload(exporting(two.url))
  await one.received(4)
  await get('/third')
  const missing = exporting(two.url, ', headers: { x-key: { env: NO_SUCH_VARIABLE } }')
  await t.rejects(daemon.reload(missing), { name: 'SecretError', message: /NO_SUCH_VARIABLE is not set/ })
  await get('/fourth')
  await daemon.reload(ROUTES)
  await two.received(4)
  await get('/fifth')
  await daemon.close()
  t.strictSame(paths(one), ['/first', '/second'])
  t.strictSame(paths(two), ['/third', '/fourth'])
})

test('a header that cannot be one stops the start, without its value', async t => {
  const yaml = exporting('http://127.0.0.1:1', ', headers: { x-key: { env: KEY } }')
  const starting = startTestDaemon(yaml, '127.0.0.1:0', { ...process.env, KEY: 'canary\r\nX: y' })
  const error: unknown = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { name: 'SecretError', message: /telemetry\.otlp\.headers: .*x-key/ })
  t.notMatch(String(error), 'canary')
})

test('a collector over TLS is trusted by egress.ca_file, and by nothing less', async t => {
  let arrived: (body: string) => void = () => undefined
  const body = new Promise<string>(resolve => (arrived = resolve))
  const server = createServer(UPSTREAM_CERTIFICATE, async (asked, response) => {
    arrived(await text(asked))
    response.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const upstream = await upstreamFor(t)
  const roots = join(shortDir(t), 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  const yaml = exporting(`https://localhost:${(server.address() as AddressInfo).port}`)
  const stranger = await daemonFor(t, yaml)
  await request(stranger.port, `${upstream.url}/`)
  await stranger.close()
  t.match(stranger.lines, [
    { msg: 'exchange' },
    { msg: 'spans cannot be exported', error: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  ])
  const daemon = await daemonFor(t, `egress: { ca_file: ${roots} }\n${yaml}`)
  await request(daemon.port, `${upstream.url}/`)
  await daemon.close()
  t.match(JSON.parse(await body), { resourceSpans: [{}] })
})

test('spans that no collector takes are counted, and the log says why', async t => {
  const collector = await startCollector(t, () => ({ status: 400 }))
  const upstream = await upstreamFor(t)
  const daemon = await daemonFor(t, exporting(collector.url), process.env, '127.0.0.1:0')
  const { admin } = daemon.daemon
  const metrics = async () => (await request(admin?.kind === 'tcp' ? admin.port : 0, '/metrics')).text
  t.match(await metrics(), '\nmulligan_spans_dropped_total 0\n')
  await crowd(3, 3, () => request(daemon.port, `${upstream.url}/`))
  await daemon.reload(ROUTES)
  await until(() => daemon.lines.some(({ msg, error }) => msg === 'spans cannot be exported' && error === 'status 400'))
  t.match(await metrics(), '\nmulligan_spans_dropped_total 6\n')
})

test('a collector that never answers slows nobody, and the end no longer than shutdown.drain says', async t => {
  const took = await undisturbed(async () => {
    const collector = await startCollector(t, () => undefined)
    const upstream = await upstreamFor(t)
    const daemon = await daemonFor(t, `shutdown: { drain: 300ms }\n${exporting(collector.url)}`)
    // More than one batch: the first of them is on its way, and stays there.
    await crowd(260, 16, () => request(daemon.port, `${upstream.url}/`))
    await collector.posts(1)
    t.equal((await request(daemon.port, `${upstream.url}/`)).status, 200)
    const since = performance.now()
    await daemon.close()
    return performance.now() - since
  }, 300)
  t.ok(took < 1_900, `${Math.round(took)} ms`)
})
