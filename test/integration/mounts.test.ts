import { hostname } from 'node:os'
import { type Test, test } from 'tap'
import { type Sent, send } from '../support/admin.js'
import { startTestDaemon } from '../support/daemon.js'
import { answer, startUpstream } from '../support/upstream.js'

async function setUp(t: Test, base = '/v1', listen = '') {
  const locations: string[] = []
  const upstream = await startUpstream(seen =>
    answer(200, seen.path, ...(locations.shift() ?? '').split('\n').filter(Boolean)),
  )
  const daemon = await startTestDaemon(`
${listen}
routes:
  - { name: api, match: { host: api.test }, mount: /api, upstream: "${upstream.url}${base}" }
  - { name: other, match: { host: other.test }, mount: /other/deep, upstream: "${upstream.url}/other" }
`)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  return { upstream, daemon, locations }
}

test('FP-25: a mount joins its base path and what is behind the prefix, byte for byte', async t => {
  const { upstream, daemon } = await setUp(t)
  const rows: [string, string][] = [
    ['/api/items', '/v1/items'],
    ['/api/items?a=b&c', '/v1/items?a=b&c'],
    ['/api//a/%2F/../b|c', '/v1//a/%2F/../b|c'],
    ['/api/', '/v1/'],
    ['/api', '/v1/'],
    ['/api?x=1', '/v1/?x=1'],
    ['/api/?', '/v1/?'],
    ['/api/http://evil.test/', '/v1/http://evil.test/'],
    ['/other/deep/a', '/other/a'],
  ]
  for (const [path, wanted] of rows) {
    const answered = await send(daemon.port, path)
    t.same([answered.status, answered.text], [200, wanted], path)
  }
  t.ok(
    upstream.seen.every(seen => seen.header('host') === upstream.authority),
    'Host is the one of the upstream',
  )
  const [exchange] = await daemon.logged(1)
  t.match(exchange, { mode: 'mount', route: 'api', host: upstream.authority, path: '/v1/items' })
})

test('FP-25: a mount on the root of an upstream adds nothing', async t => {
  const { daemon } = await setUp(t, '')
  t.equal((await send(daemon.port, '/api/a')).text, '/a')
  t.equal((await send(daemon.port, '/api')).text, '/')
})

test('an origin-form request without a mount is told how to use a proxy', async t => {
  const { upstream, daemon } = await setUp(t)
  for (const path of [
    '/',
    '/apix',
    '/ap',
    '/other',
    '/other/deeper',
    '/API/items',
    '/%61pi/items',
    '//api/items',
    '/v1/items',
  ]) {
    const answered = await send(daemon.port, path)
    t.equal(answered.status, 404, path)
    t.match(answered.text, /"code":"not_a_relay"/)
    t.match(answered.text, new RegExp(`HTTP_PROXY=http://127.0.0.1:${daemon.port}`))
  }
  t.equal(upstream.seen.length, 0)
})

test('T1, T2: nothing that a browser can send from another site reaches an upstream', async t => {
  const { upstream, daemon } = await setUp(t)
  const port = String(daemon.port)
  const own = `Origin: http://127.0.0.1:${port}`
  const rows: [string, Sent][] = [
    [
      'an image of another site',
      { fields: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image'] },
    ],
    ['a link of another site', { fields: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'] }],
    ['a page on another local port', { fields: ['Sec-Fetch-Site: same-site', 'Origin: http://127.0.0.1:1'] }],
    ['same-site alone', { fields: ['Sec-Fetch-Site: same-site'] }],
    [
      'a form of another site',
      { method: 'POST', body: 'a=b', fields: ['Origin: https://evil.test', 'Content-Type: text/plain'] },
    ],
    ['a sandboxed page', { method: 'POST', body: '{}', fields: ['Origin: null'] }],
    ['a file', { fields: ['Origin: file://'] }],
    ['a fetch without metadata', { fields: ['Origin: http://evil.test'] }],
    ['a preflight', { method: 'OPTIONS', fields: ['Origin: http://evil.test', 'Access-Control-Request-Method: PUT'] }],
    ['an extension', { fields: ['Origin: chrome-extension://abcdef'] }],
    ['the own name over https', { fields: [`Origin: https://127.0.0.1:${port}`] }],
    ['the own name on another port', { fields: ['Origin: http://127.0.0.1:80'] }],
    ['an origin that starts like ours', { fields: [`${own}.evil.test`] }],
    ['an origin that ends like ours', { fields: [`Origin: http://evil.test/127.0.0.1:${port}`] }],
    ['an empty origin', { fields: ['Origin:'] }],
    ['two origins', { fields: [own, 'Origin: http://evil.test'] }],
    ['two fetch sites', { fields: ['Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site'] }],
    [
      'a WebSocket of another site',
      { fields: ['Origin: http://evil.test', 'Connection: Upgrade', 'Upgrade: websocket'] },
    ],
    ['a rebound name', { host: `evil.test:${port}` }],
    ['a rebound name with the right port in it', { host: `127.0.0.1.evil.test:${port}` }],
    [
      'a rebound name with its own origin',
      { host: `evil.test:${port}`, fields: [`Origin: http://evil.test:${port}`, 'Sec-Fetch-Site: same-origin'] },
    ],
    ['a rebound short name', { host: `evil:${port}` }],
    ['another loopback address', { host: `127.0.0.2:${port}` }],
    ['a name of localhost of another site', { host: `localhost.evil.test:${port}` }],
    ['the wildcard address', { host: `0.0.0.0:${port}` }],
    ['a LAN address', { host: `192.168.0.1:${port}` }],
    ['the name of the upstream', { host: 'api.test' }],
  ]
  for (const [name, sent] of rows) {
    const answered = await send(daemon.port, '/api/items', sent)
    t.equal(answered.status, 403, name)
    t.match(answered.text, /"code":"cross_site"/, name)
    t.notOk(answered.header('access-control-allow-origin'), name)
  }
  t.ok(rows.length >= 20)
  t.equal(upstream.connections(), 0)
})

test('FP-25: what is of this machine may use a mount', async t => {
  const { upstream, daemon } = await setUp(t)
  const port = String(daemon.port)
  const rows: [string, Sent][] = [
    ['localhost', { host: `localhost:${port}` }],
    ['LocalHost', { host: `LocalHost:${port}` }],
    ['the own address', { host: `127.0.0.1:${port}` }],
    ['IPv6', { host: `[::1]:${port}` }],
    ['the name of this machine', { host: `${hostname()}:${port}` }],
    ['an address typed into a browser', { fields: ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'] }],
    ['a page of the mount itself', { fields: ['Sec-Fetch-Site: same-origin', `Origin: http://127.0.0.1:${port}`] }],
  ]
  for (const [name, sent] of rows) t.equal((await send(daemon.port, '/api/items', sent)).status, 200, name)
  t.equal(upstream.seen.length, rows.length)
})

test('FP-25: a location inside the upstream stays on the mount, any other stays as it is', async t => {
  const { upstream, daemon, locations } = await setUp(t)
  const rows: [string, string][] = [
    [`Location: ${upstream.url}/v1/b?c#d`, 'Location: /api/b?c#d'],
    ['Location: /v1/b', 'Location: /api/b'],
    ['Location: /v1', 'Location: /api'],
    [`Content-Location: ${upstream.url}/v1/b`, 'Content-Location: /api/b'],
    [`Location: ${upstream.url.toUpperCase().replace('HTTP', 'http')}/v1/b`, 'Location: /api/b'],
    ['Location: b', 'Location: b'],
    ['Location: ?page=2', 'Location: ?page=2'],
    ['Location: /v2/b', 'Location: /v2/b'],
    ['Location: /v11/b', 'Location: /v11/b'],
    ['Location: //evil.test/v1/b', 'Location: //evil.test/v1/b'],
    ['Location: https://evil.test/v1/b', 'Location: https://evil.test/v1/b'],
    [`Location: ${upstream.url}.evil.test/v1/b`, `Location: ${upstream.url}.evil.test/v1/b`],
    [`Link: <${upstream.url}/v1/b>; rel=next`, `Link: <${upstream.url}/v1/b>; rel=next`],
  ]
  for (const [sent, wanted] of rows) {
    locations.push(sent)
    const { head } = await send(daemon.port, '/api/a')
    t.ok(
      head.includes(`\r\n${wanted}\r\n`),
      `${sent} gives ${/\r\n((?:content-)?location|link): [^\r]*/i.exec(head)?.[0]}`,
    )
  }
})

test('listen.mounts: mounts on an address of their own are nowhere else, and that address forwards nothing', async t => {
  const { upstream, daemon } = await setUp(t, '/v1', 'listen: { mounts: "127.0.0.1:0" }')
  const mounts = daemon.daemon.mounts?.kind === 'tcp' ? daemon.daemon.mounts.port : 0
  t.equal((await send(mounts, '/api/a')).text, '/v1/a')
  t.equal((await send(mounts, '/nowhere')).status, 404)
  t.equal((await send(daemon.port, '/api/a')).status, 404)
  t.equal((await send(daemon.port, `${upstream.url}/b`)).text, '/b')
  t.equal((await send(mounts, `${upstream.url}/b`)).status, 404)
  const refused = await send(mounts, upstream.authority, { method: 'CONNECT' })
  t.equal(refused.status, 404)
  t.match(refused.text, /serves mounts only/)
  t.equal(upstream.seen.length, 2)
})
