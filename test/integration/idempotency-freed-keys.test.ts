import { test } from 'tap'
import { request } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { startTestDaemon } from '../support/daemon.js'
import { startH2Upstream } from '../support/h2-upstream.js'
import { JSON_TYPE, keyedRoute, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { rootsFile } from '../support/next-hop.js'
import { freePort } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const REPLAY = 'idempotency: { replay: {} }'
const DONE = answer(201, '{"id":1}', JSON_TYPE)

test('I6: a key whose request never left is free: the next one is the first', async t => {
  const port = await freePort()
  const daemon = await startTestDaemon(`store: memory\n${keyedRoute(port, ['breaker: off', REPLAY])}`)
  t.teardown(() => daemon.close())
  const options = { method: 'POST', body: '{}', fields: [JSON_TYPE, `Idempotency-Key: ${KEY}`] }
  const post = () => request(daemon.port, `http://127.0.0.1:${port}/orders`, options)
  for (let i = 0; i < 2; i++) t.match(problemOf(await post()), { code: 'connect_failed', outcome: 'not-sent' })
  const upstream = await startUpstream(() => DONE, { port })
  t.teardown(() => upstream.close())
  t.same([(await post()).status, (await post()).header('idempotent-replayed')], [201, 'true'])
  t.equal(upstream.seen.length, 1)
})

test('I6: nor is one taken by a request that an open breaker turned away', async t => {
  let down = true
  // It is asked again and again until the breaker lets it pass, and each time it is a new key.
  const lines = ['retry: off', 'breaker: { failures: 2, open: 500ms }', `idempotency: { replay: { ${NO_CEILING} } }`]
  const { upstream, keyed, refused } = await undisturbed(async () => {
    const scene = await keyedScene(t, () => (down ? answer(500) : DONE), lines)
    await scene.keyed('order-2-abcdefgh')
    await scene.keyed('order-3-abcdefgh')
    return { ...scene, refused: await scene.keyed(KEY) }
  }, 150)
  t.same([refused.status, problemOf(refused)['code']], [503, 'breaker_open'])
  t.equal(upstream.seen.length, 2)
  down = false
  let got = refused
  while (got.status === 503) got = await keyed(KEY)
  t.same([got.status, got.header('idempotent-replayed')], [201, undefined])
  t.equal(upstream.seen.length, 3)
})

test('I7: what HTTP/2 refused unprocessed before says nothing against the answer that came then', async t => {
  const answers = [422, 201]
  const upstream = await startH2Upstream(t, (stream, { number }) => {
    if (number === 1) return stream.close(7)
    stream.resume()
    stream.on('end', () => {
      stream.respond({ ':status': answers.shift() ?? 500, 'content-type': 'application/json' })
      stream.end('{}')
    })
  })
  const roots = rootsFile(t)
  const route = `routes:
  - name: api
    match: { host: api.test }
    upstream: ${upstream.url}
    retry: { backoff: { base: 10ms, cap: 20ms } }
    ${REPLAY}
`
  const daemon = await startTestDaemon(`store: memory\negress: { ca_file: ${roots} }\n${route}`)
  t.teardown(() => daemon.close())
  const options = { method: 'POST', body: '{}', fields: [JSON_TYPE, `Idempotency-Key: ${KEY}`] }
  const post = () => request(daemon.port, 'http://api.test/orders', options)
  t.equal((await post()).status, 422)
  const [record] = await daemon.logged(1)
  t.match(record?.attempts, [{ why: 'never-sent' }, { outcome: '422' }])
  t.equal((await post()).status, 201, 'the key was free')
  t.equal((await post()).header('idempotent-replayed'), 'true')
})
