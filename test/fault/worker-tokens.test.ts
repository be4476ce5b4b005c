import { test } from 'tap'
import { request } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { type LiveCrew, lanesToEach, startCrew } from '../support/live-crew.js'
import { PATIENT } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'
import { countBy } from '../support/x402/faulty-purchases.js'

const COUNT = 1_000

test(`T3: ${COUNT} concurrent 401s over two workers are one call to the token endpoint`, async t => {
  t.setTimeout(90_000)
  let calls = 0
  const endpoint = await startUpstream(() => {
    const body = JSON.stringify({ access_token: `token-${++calls}`, token_type: 'Bearer', expires_in: 3_600 })
    return answer(200, body, 'Content-Type: application/json')
  })
  t.teardown(() => endpoint.close())
  let came = 0
  let isRevoked = false
  let refuseAll = () => {}
  const allCame = new Promise<void>(resolve => {
    refuseAll = resolve
  })
  const upstream = await startUpstream(async seen => {
    if (!isRevoked || seen.header('authorization') === 'Bearer token-2') return answer(200, 'welcome')
    if (++came === COUNT) refuseAll()
    await allCame
    return answer(401, 'who?')
  })
  t.teardown(() => upstream.close())
  const free = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => free.close())
  const crew = await startCrew(
    t,
    `
workers: 2
${PATIENT}credentials:
  vendor:
    source: { oauth2: { token_url: "${endpoint.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes: [{ name: api, match: { host: 127.0.0.1, port: ${upstream.port} }, credential: vendor }]
`,
  )
  const first = await crowd(64, 64, () => request(crew.port, `${upstream.url}/items`))
  t.same(
    countBy(first, ({ status }) => String(status)),
    { 200: 64 },
  )
  t.equal(calls, 1, 'nor are the first requests more than one')

  isRevoked = true
  const lanes = await lanesToEach(t, crew, COUNT / 2, `${free.url}/hello`)
  const answers = await Promise.all(lanes.map(lane => lane.ask(`${upstream.url}/items`)))
  t.same(
    countBy(answers, ({ status }) => String(status)),
    { 200: COUNT },
  )
  t.equal(came, COUNT, 'each was refused once')
  t.equal(calls, 2)

  const metrics = await crew.metrics()
  t.equal(metrics.value('mulligan_credential_refreshes_total', { credential: 'vendor', result: 'ok' }), 2)
  t.equal(metrics.series.filter(({ name }) => name === 'mulligan_credential_needs_login').length, 1)
  // Its lines come in batches: only now the last one is here.
  await crew.stop()
  t.equal(refreshesOf(crew), 2, 'and the log has each once')
})

test('T3: a token that the primary gets anew reaches every worker, and a failure is told as by the source', async t => {
  let isDown = true
  const endpoint = await startUpstream(() =>
    isDown
      ? answer(400, '{"error":"invalid_client"}', 'Content-Type: application/json')
      : answer(
          200,
          '{"access_token":"fresh","token_type":"Bearer","expires_in":3600}',
          'Content-Type: application/json',
        ),
  )
  t.teardown(() => endpoint.close())
  const upstream = await startUpstream(seen => answer(200, seen.header('authorization')))
  t.teardown(() => upstream.close())
  const crew = await startCrew(
    t,
    `
workers: 2
${PATIENT}credentials: { vendor: { source: { oauth2: { token_url: "${endpoint.url}/token", client_id: me, client_secret: client-secret } } } }
routes: [{ name: api, match: { host: 127.0.0.1, port: ${upstream.port} }, credential: vendor }]
`,
  )
  const ask = () => request(crew.port, `${upstream.url}/items`)
  const before = await crowd(64, 64, ask)
  t.match(before[0]?.text, /invalid_client/, 'in the words of one process')
  t.equal(before.filter(({ status }) => status === 200).length, 0)
  t.match(await crew.told('/v1/credentials'), { credentials: [{ name: 'vendor', state: 'needs_login' }] })

  isDown = false
  crew.kill('SIGHUP')
  await crew.next(({ msg }) => msg === 'reloaded')
  // A source that failed just now rests for a second, whatever the news.
  let after = await crowd(32, 32, ask)
  while (after.some(({ text }) => text !== 'Bearer fresh')) after = await crowd(32, 32, ask)
  await until(() => refreshesOf(crew) === 2)
})

const refreshesOf = (crew: LiveCrew): number => crew.printed().match(/"msg":"refresh"/g)?.length ?? 0
