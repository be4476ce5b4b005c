import { test } from 'tap'
import { request } from '../support/client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { startCrew } from '../support/live-crew.js'
import { answer, startUpstream } from '../support/upstream.js'
import { payingYaml } from '../support/x402/paid-scene.js'

test('F7: a refused reload that would intercept nothing leaves interception as it was', async t => {
  const { daemon, get, yaml } = await interceptedScene(t, () => answer(200, 'ok'))
  t.match(await get('/a'), { status: 200 })
  const unsigned = payingYaml(1, 'plain', { evm: '{ key: { env: NOT_THERE } }' })
  await t.rejects(daemon.reload(unsigned), /NOT_THERE/)
  t.match(await get('/b'), { status: 200 })
  await daemon.reload(yaml(apiRoute(1, 'intercept: off')))
  await t.rejects(get('/c'), 'and an accepted one ends it')
})

test('R11: the repeat of a request whose worker died has its key, also at a worker that came later', async t => {
  const upstream = await startUpstream(() => answer(500, 'no'))
  t.teardown(() => upstream.close())
  const crew = await startCrew(
    t,
    `
workers: 2
routes: [{ name: api, match: { host: 127.0.0.1 }, retry: off, breaker: off, idempotency: { inject: uuid4, upstream: replay } }]
`,
  )
  const post = (count: number) =>
    request(crew.port, `${upstream.url}/orders`, {
      method: 'POST',
      body: '{"n":1}',
      fields: ['Content-Type: application/json', `x-stainless-retry-count: ${count}`],
    })
  await post(0)
  for (const pid of crew.workers()) process.kill(pid, 'SIGKILL')
  await crew.next(({ msg }) => msg === 'worker replaced')
  await crew.next(({ msg }) => msg === 'worker replaced')
  await post(1)
  const [first, second] = upstream.seen.map(seen => seen.header('idempotency-key'))
  t.match(first, /^[0-9a-f-]{36}$/)
  t.equal(second, first)
})
