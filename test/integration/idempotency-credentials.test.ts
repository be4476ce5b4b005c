import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, startUpstream, thoughtOver } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const keyed = [JSON_TYPE, `Idempotency-Key: ${KEY}`]

const REFUSED = answer(401, 'who?', 'WWW-Authenticate: Bearer error="invalid_token"')

/** An API that takes one token at a time, the endpoint that gives them, and the daemon between. */
async function scene(t: Test, idempotency: string) {
  const vendor = { good: 'first', next: 'first', calls: 0 }
  let made = 0
  const upstream = await startUpstream(seen => {
    if (seen.header('authorization') !== `Bearer ${vendor.good}`) return thoughtOver(REFUSED)
    return answer(201, `{"id":${++made}}`, JSON_TYPE)
  })
  const issuer = await startUpstream(() => {
    vendor.calls++
    const body = { access_token: vendor.next, token_type: 'Bearer', expires_in: 3600 }
    return answer(200, JSON.stringify(body), JSON_TYPE)
  })
  const daemon = await startTestDaemon(`
store: memory
credentials:
  vendor:
    source: { oauth2: { token_url: "${issuer.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes:
  - name: api
    match: { host: 127.0.0.1, port: ${upstream.port} }
    retry: { backoff: { base: 10ms, cap: 20ms } }
    credential: vendor
    idempotency: ${idempotency}
`)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
    await issuer.close()
  })
  const post = (...fields: string[]) =>
    request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body: '{}', fields: [...keyed, ...fields] })
  const other = () =>
    request(daemon.port, `${upstream.url}/orders`, {
      method: 'POST',
      body: '{}',
      fields: [JSON_TYPE, 'Idempotency-Key: order-2-abcdefgh'],
    })
  return { vendor, upstream, daemon, post, other, made: () => made }
}

test('I4: the renewal of a token between duplicates changes nothing: one is done, all others are replayed', async t => {
  const { vendor, post, other, made } = await scene(t, '{ replay: {} }')
  t.equal((await post()).text, '{"id":1}')
  vendor.good = 'second'
  vendor.next = 'second'
  t.equal((await other()).text, '{"id":2}', 'another order has the token renewed')
  t.equal(vendor.calls, 2)
  const answers = await crowd(20, 20, () => post())
  t.ok(answers.every(got => got.text === '{"id":1}' && got.header('idempotent-replayed') === 'true'))
  t.equal(made(), 2)
})

test('I1, T2: a 401 within a claim is renewed under the same claim and the same key, and only the answer after it is kept', async t => {
  const { vendor, post, made, upstream, daemon } = await scene(t, '{ replay: {} }')
  vendor.good = 'second'
  const first = await crowd(20, 20, () => post())
  t.same(new Set(first.map(({ status }) => status)), new Set([401]), 'without a better token the client gets the 401')
  t.equal(made(), 0)
  vendor.next = 'second'
  const second = await post()
  t.same([second.status, second.text, second.header('idempotent-replayed')], [201, '{"id":1}', undefined])
  const third = await post()
  t.same([third.status, third.header('idempotent-replayed')], [201, 'true'])
  t.equal(made(), 1)
  const keys = new Set(upstream.seen.map(seen => seen.header('idempotency-key')))
  t.same(keys, new Set([KEY]))
  const records = await daemon.logged(22)
  t.match(records.at(-2)?.attempts, [{ outcome: '401', why: 'token-renewed' }, { outcome: '201' }])
})

test('I1: a minted key is the same before and after the renewal of a token', async t => {
  const { vendor, upstream, daemon } = await scene(t, '{ inject: uuid4, upstream: replay }')
  const url = `${upstream.url}/orders`
  const plain = () => request(daemon.port, url, { method: 'POST', body: '{}', fields: [JSON_TYPE] })
  t.equal((await plain()).status, 201)
  vendor.good = 'second'
  vendor.next = 'second'
  t.equal((await plain()).status, 201)
  const [first, refused, repeated] = upstream.seen.map(seen => seen.header('idempotency-key'))
  t.ok(first && refused && first !== refused)
  t.equal(refused, repeated)
})

test('I4: two callers with one key are two operations, by whatever tells them apart', async t => {
  const fields = ['Authorization: Bearer a', 'Authorization: Bearer b', 'X-Api-Key: a', 'Cookie: s=a', 'Account: 1']
  const { upstream, keyed: ask } = await keyedScene(t, ({ number }) => answer(201, `{"id":${number}}`, JSON_TYPE), [
    'idempotency: { replay: { scope: [Account] } }',
  ])
  for (const [i, field] of fields.entries()) t.equal((await ask(KEY, '{}', field)).text, `{"id":${i + 1}}`)
  for (const [i, field] of fields.entries()) {
    const again = await ask(KEY, '{}', field)
    t.same([again.text, again.header('idempotent-replayed')], [`{"id":${i + 1}}`, 'true'])
  }
  t.equal(upstream.seen.length, fields.length)
})

test('I4: on a listener that others can reach, a key of nobody in particular is passed on and nothing is kept', async t => {
  const upstream = await startUpstream(({ number }) => answer(201, `{"id":${number}}`, JSON_TYPE))
  const routes = `routes:
  - name: api
    match: { host: 127.0.0.1, port: ${upstream.port} }
    idempotency: { replay: {} }
`
  const daemon = await startTestDaemon(`store: memory\nlisten: { allow_from: [127.0.0.0/8] }\n${routes}`, '0.0.0.0:0')
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  const post = (...fields: string[]) =>
    request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body: '{}', fields: [...keyed, ...fields] })
  t.same([(await post()).text, (await post()).text], ['{"id":1}', '{"id":2}'])
  t.equal((await post('Authorization: Bearer a')).text, '{"id":3}')
  t.equal((await post('Authorization: Bearer a')).header('idempotent-replayed'), 'true')
  t.equal(upstream.seen[0]?.header('idempotency-key'), KEY)
})
