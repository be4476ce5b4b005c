import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { parseConfig } from '../../src/config/load.js'
import { type Engine, startEngine } from '../../src/engine.js'
import type { ExchangeView } from '../../src/serving/views.js'
import { rawExchange, request } from '../support/client.js'
import { answer, startUpstream } from '../support/upstream.js'

const YAML = `
routes:
  - name: api
    match: { host: "*" }
    retry: { attempts: 2, backoff: { base: 1ms, cap: 2ms } }
    breaker: { failures: 4, open: 60s }
`

/** An engine with an admin side to come, and an upstream that answers with the status that the path begins with, then 200. */
async function scene(
  t: Test,
): Promise<{ engine: Engine; get: (path: string, ...fields: string[]) => Promise<number> }> {
  const met = new Set<string>()
  const upstream = await startUpstream(({ path }) => {
    const [, status = '200', forever] = path.split('/')
    const again = met.has(path) && forever !== 'always'
    met.add(path)
    return again ? answer(200, 'ok') : answer(Number(status), 'body')
  })
  const state = mkdtempSync(join(tmpdir(), 'mulligan-test-'))
  const overrides = { listen: '127.0.0.1:0', admin: '127.0.0.1:0', state }
  const { config } = parseConfig('test.yaml', YAML, {}, overrides)
  const log = {
    logger: pino({ level: 'silent' }),
    write: () => undefined,
    sync: () => undefined,
    flush: async () => {},
  }
  const engine = await startEngine(config, {}, log)
  t.teardown(async () => {
    await engine.drain()
    await upstream.close()
    rmSync(state, { recursive: true })
  })
  const [address] = engine.proxy
  const port = address?.kind === 'tcp' ? address.port : 0
  return {
    engine,
    get: async (path, ...fields) => (await request(port, `${upstream.url}${path}`, { fields })).status,
  }
}

t.test('what came of the requests of a route is told with us and without us', async t => {
  const { engine, get } = await scene(t)
  t.equal(await get('/200'), 200)
  t.equal(await get('/503/once'), 200, 'rescued')
  t.equal(await get('/404'), 404)
  const { requests, succeeded, rescued, attempts } = (await engine.serving.counts()).get('api') ?? {}
  t.strictSame({ requests, succeeded, rescued, attempts }, { requests: 3, succeeded: 2, rescued: 1, attempts: 4 })
})

t.test('exchanges are remembered with their attempts, and chosen by route, number and what was notable', async t => {
  const { engine, get } = await scene(t)
  await get('/200/a?secret=1', 'Authorization: Bearer secret')
  await get('/503/b')
  await get('/200/c')
  const ask = (query: object) => engine.serving.exchanges({ limit: 100, ...query })
  const urls = async (query: object) => (await ask(query)).map(({ url }) => url.replace(/^http:\/\/[^/]+/, ''))
  t.strictSame(await urls({}), ['/200/c', '/503/b', '/200/a'])
  t.strictSame(await urls({ limit: 1 }), ['/200/c'])
  t.strictSame(await urls({ notable: true }), ['/503/b'])
  t.strictSame(await urls({ route: 'other' }), [])
  const [, repeated, first] = await ask({})
  t.match(repeated?.attempts, [
    { n: 1, outcome: '503', why: 'status' },
    { n: 2, outcome: '200', why: 'final', reused: true },
  ])
  for (const { start_ms, connected_ms, sent_ms, head_ms, end_ms } of repeated?.attempts ?? []) {
    const steps = [start_ms, connected_ms ?? -1, sent_ms ?? -1, head_ms ?? -1, end_ms]
    t.strictSame(
      steps,
      [...steps].sort((a, b) => a - b),
      'its moments are in order',
    )
  }
  const detail = await engine.serving.exchange(first?.id ?? '')
  t.match(detail, { query: true, class: 'safe' })
  t.notMatch(JSON.stringify(detail), /secret/)
  t.equal(await engine.serving.exchange('none'), undefined)
})

t.test('who watches hears of every exchange that ends, and nothing after that', async t => {
  const { engine, get } = await scene(t)
  await get('/200/before')
  const told: ExchangeView[] = []
  let wake: (() => void) | undefined
  const end = engine.serving.watch(exchanges => {
    told.push(...exchanges)
    wake?.()
  })
  await Promise.all(Array.from({ length: 20 }, (_, n) => get(`/200/${n}`)))
  while (told.length < 20) await new Promise<void>(resolve => (wake = resolve))
  end()
  await get('/200/after')
  t.equal(new Set(told.map(({ id }) => id)).size, 20)
  t.notMatch(JSON.stringify(told), /before|after/)
})

t.test('a breaker that is open is told, and an operator closes it', async t => {
  const { engine, get } = await scene(t)
  await get('/500/always')
  await get('/500/always')
  const [open] = await engine.serving.breakers()
  t.match(open, { breaker: 'open', waiting: 0 })
  t.ok((open?.retry_in_s ?? 0) > 50)
  t.equal(await get('/200'), 503, 'nothing goes there')
  t.equal(await engine.serving.resetBreaker('http://nobody.test:80'), false)
  t.equal(await engine.serving.resetBreaker(open?.origin ?? ''), true)
  t.match(await engine.serving.breakers(), [{ breaker: 'closed', retry_in_s: 0 }])
  t.equal(await get('/200'), 200)
})

t.test('T8: a password where a target or Host has its authority is refused, and not shown', async t => {
  const { engine } = await scene(t)
  const [address] = engine.proxy
  const port = address?.kind === 'tcp' ? address.port : 0
  const heads = [
    'CONNECT user:c-nary@h.test:443 HTTP/1.1\r\nHost: h.test:443',
    'GET / HTTP/1.1\r\nHost: user:c-nary@h.test\r\nConnection: close',
    'GET http://user:c-nary@/ HTTP/1.1\r\nHost: user:c-nary@h.test\r\nConnection: close',
  ]
  for (const head of heads) t.match(await rawExchange(port, `${head}\r\n\r\n`), /^HTTP\/1\.1 400 /)
  const told = await engine.serving.exchanges({ limit: 10 })
  t.equal(told.length, heads.length)
  t.notMatch(JSON.stringify(told), 'c-nary')
})
