import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { createAdminApp } from '../../src/admin/app.js'
import { openapiDocument } from '../../src/admin/openapi.js'
import { OPERATIONS, type Operation, type OperationId } from '../../src/admin/operations.js'
import { ANSWERS, EVENTS } from '../../src/admin/schemas.js'
import { openToken } from '../../src/admin/token.js'
import { packageRoot } from '../../src/config/package-root.js'
import { adminPort, jsonIn, send } from '../support/admin.js'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { EventReader } from '../support/event-reader.js'
import { hourWith } from '../support/hour.js'
import { managed, QUIET_WORLD } from '../support/managed.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'
import { openShop, PRICE, payer } from '../support/x402/shop.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

function openAdminApp(t: Test) {
  const state = t.testdir({})
  return createAdminApp(ANY, managed(state), openToken(state), QUIET_WORLD)
}

const IDS = Object.keys(OPERATIONS) as OperationId[]

test('the OpenAPI document is valid, and the daemon serves it as it was generated', async t => {
  const document = openapiDocument()
  const result = await new Validator().validate(structuredClone(document))
  t.ok(result.valid, JSON.stringify(result.errors))
  const app = openAdminApp(t)
  t.teardown(() => app.close())
  const served = await app.inject({ url: '/openapi.json', headers: { host: 'localhost' } })
  t.same(served.json(), JSON.parse(JSON.stringify(document)), 'npm run reference')
})

test('the table of operations, the routes of the server, the OpenAPI document and its page name the same', async t => {
  const app = openAdminApp(t)
  t.teardown(() => app.close())
  await app.ready()
  const table = IDS.map(id => `${OPERATIONS[id].method} ${OPERATIONS[id].path}`).sort()
  t.same(routesIn(app.printRoutes({ commonPrefix: false })), table)
  const { paths } = openapiDocument() as { paths: Record<string, Record<string, { operationId: string }>> }
  const documented = Object.entries(paths).flatMap(([path, node]) =>
    Object.keys(node).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  t.same(documented.sort(), table)
  const page = readFileSync(new URL('docs/admin-api.md', packageRoot()), 'utf8')
  for (const id of IDS) {
    const { method, path, summary } = OPERATIONS[id]
    t.ok(page.includes(`| \`${method} ${path}\` | ${summary} |`), `docs/admin-api.md has the row of ${method} ${path}`)
  }
})

/** Of Fastify's tree: a line for each path, its methods in parentheses; those of a GET have a HEAD beside it. */
function routesIn(tree: string): string[] {
  const folders: string[] = []
  return tree
    .split('\n')
    .flatMap(line => {
      const [, indent = '', path = '', methods = ''] = /^([│ ]*(?:├── |└── )?)(.*?)(?: \((.+)\))?$/.exec(line) ?? []
      const depth = indent.length / 4
      folders.splice(Math.max(0, depth - 1))
      folders.push(path)
      return methods
        .split(', ')
        .flatMap(method => (/^(?:GET|POST)$/.test(method) ? [`${method} ${folders.join('')}`] : []))
    })
    .sort()
}

/** As published, but what is not in it may not be there: new members have to be written down. */
function strict(schema: z.ZodType): z.ZodType {
  const close = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(close)
    if (typeof node !== 'object' || node === null) return node
    const closed = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, close(value)]))
    return 'properties' in closed ? { ...closed, additionalProperties: false } : closed
  }
  return z.fromJSONSchema(close(z.toJSONSchema(schema, { io: 'input' })) as Parameters<typeof z.fromJSONSchema>[0])
}

/** A daemon that has paid, injected, claimed, repeated, waited and failed. */
async function busyDaemon(t: Test) {
  const shop = await openShop(t, {})
  let flakes = 1
  const upstream = await startUpstream(({ path }, socket) => {
    if (path === '/cut') return void socket.destroy()
    return path.startsWith('/flaky') && flakes-- > 0 ? answer(503, '', 'Retry-After: 0') : answer(200, 'ok')
  })
  t.teardown(() => upstream.close())
  const token = join(shortDir(t), 'token')
  writeFileSync(token, 'a-token', { mode: 0o600 })
  const env = { ...process.env, WALLET_KEY: payer.key }
  const daemon = await startTestDaemon(
    `
store: memory
credentials: { vendor: { source: { file: "${token}" } }, gone: { source: { file: "${token}.gone" } } }
wallets:
  agent:
    evm: { key: { env: WALLET_KEY } }
    networks: ["eip155:84532"]
    assets: [USDC]
    limits: { per_request: "0.05 USDC", per_hour: "1 USDC", per_day: "2 USDC", total: "3 USDC" }
routes:
  - { name: shop, match: { host: 127.0.0.1, port: ${shop.server.port} }, payment: { wallet: agent } }
  - name: api
    match: { host: 127.0.0.1, port: ${upstream.port} }
    mount: /api
    upstream: ${upstream.url}
    credential: vendor
    retry: { backoff: { base: 1ms, cap: 2ms } }
    idempotency: { header: Idempotency-Key, upstream: none, replay: { ttl: 1h } }
`,
    '127.0.0.1:0',
    env,
    '127.0.0.1:0',
  )
  t.teardown(() => daemon.close())
  const events = await EventReader.open(adminPort(daemon))
  t.teardown(() => events.close())
  const ask = (url: string, method = 'GET', ...fields: string[]) =>
    request(daemon.port, url, { method, fields, ...(method === 'POST' && { body: '{}' }) })
  t.equal((await ask(`http://127.0.0.1:${shop.server.port}/paid`)).status, 200)
  t.equal((await ask(`${upstream.url}/flaky?secret=1`)).status, 200)
  t.equal((await ask(`${upstream.url}/orders`, 'POST', 'Idempotency-Key: 0123456789abcdef')).status, 200)
  t.equal((await ask(`${upstream.url}/cut`, 'POST', 'Idempotency-Key: fedcba9876543210')).status, 502)
  return { daemon, events }
}

test('every answer of a daemon that has done all there is says what the document says, and no more', async t => {
  const { daemon, events } = await busyDaemon(t)
  const port = adminPort(daemon)
  const [{ id } = { id: '' }] = await daemon.logged(4)
  for (const name of IDS) {
    const { method, path, media }: Operation = OPERATIONS[name]
    if (method !== 'GET' || media !== undefined || name === 'openapi') continue
    const answered = await send(port, path.replace(':id', id))
    t.equal(answered.status, 200, path)
    const result = strict(ANSWERS[name as keyof typeof ANSWERS]).safeParse(JSON.parse(answered.text))
    t.ok(result.success, `${path}: ${result.error?.message ?? ''}`)
  }
  const all = await events.until(({ event, data }) => event === 'exchange' && String(data['url']).endsWith('/cut'))
  t.ok(all.length >= 5)
  for (const { event, data } of all) {
    const result = strict(EVENTS[event as keyof typeof EVENTS]).safeParse(data)
    t.ok(result.success, `${event}: ${result.error?.message ?? ''}`)
  }
})

test('what is listed is what was done: exchanges, routes, the ledger with its limits, and keys', async t => {
  await hourWith(20_000)
  const { daemon } = await busyDaemon(t)
  const port = adminPort(daemon)
  const get = async (path: string) => jsonIn(await send(port, path))
  const list = async (query: string) => (await get(`/v1/exchanges${query}`))['exchanges'] as { url: string }[]
  const urls = async (query: string) => (await list(query)).map(({ url }) => new URL(url).pathname)
  await daemon.logged(4)
  t.same(await urls(''), ['/cut', '/orders', '/flaky', '/paid'])
  t.same(await urls('?limit=2'), ['/cut', '/orders'])
  t.same(await urls('?route=api&notable=true'), ['/cut', '/flaky'])
  t.same(await urls('?route=api&notable=false&limit=1'), ['/cut'])
  t.same(await urls('?route=none'), [])
  const [api, shop] = ['api', 'shop'].map(name => ({ name, requests: name === 'api' ? 3 : 1 }))
  t.match(await get('/v1/routes'), { routes: [shop, { ...api, succeeded: 2, rescued: 1, mount: '/api' }] })
  const units = { symbol: 'USDC', decimals: 6, wallet: 'agent' }
  const spent = String(PRICE)
  t.match(await get('/v1/ledger?since=1h'), {
    payments: [{ ...units, amount: spent, route: 'shop', attempts: 1 }],
    totals: [{ ...units, payments: 1, signed: spent }],
    limits: [
      { ...units, window: 'hour', limit: '1000000', spent },
      { ...units, window: 'day', limit: '2000000', spent },
      { ...units, window: 'total', limit: '3000000', spent },
    ],
  })
  t.match(await get('/v1/ledger?route=api'), { payments: [], totals: [], limits: [{}, {}, {}] })
  t.same(await get('/v1/ledger?wallet=other'), { payments: [], totals: [], limits: [] })
  t.match(await get('/v1/idempotency'), {
    claims: [{ key: '01234567', state: 'completed', status: 200 }, { key: 'fedcba98' }],
  })
  const { claims } = (await get('/v1/idempotency?uncertain=true')) as { claims: { ref: string; state: string }[] }
  t.match(claims, [{ state: 'uncertain', key: 'fedcba98', status: null }])
  const token = readFileSync(join(daemon.state, 'admin.token'), 'utf8').trim()
  const resolve = () =>
    send(port, `/v1/idempotency/${claims[0]?.ref}/resolve`, {
      method: 'POST',
      fields: [`Authorization: Bearer ${token}`, 'Content-Type: application/json'],
      body: '{"outcome":"not-executed"}',
    })
  t.same(jsonIn(await resolve()), { ref: claims[0]?.ref, resolved: 'not-executed' })
  t.same(await get('/v1/idempotency?uncertain=true'), { claims: [] })
  t.equal((await resolve()).status, 404)
  t.match(await get('/v1/credentials'), { credentials: [{ name: 'vendor', state: 'valid' }, { name: 'gone' }] })
})
