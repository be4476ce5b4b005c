import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const KEY = 'order-4711-aaaabbbb'
const JSON_TYPE = 'Content-Type: application/json'

/** An upstream, and a daemon whose one route has these lines. */
async function scene(t: Test, route: string, script: Script) {
  const upstream = await startUpstream(script)
  const daemon = await startTestDaemon(`
store: memory
routes:
  - name: api
    match: { host: 127.0.0.1, port: ${upstream.port} }
    retry: { backoff: { base: 10ms, cap: 20ms } }
${route}
`)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  const post = (body: string, ...fields: string[]) =>
    request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body, fields: [JSON_TYPE, ...fields] })
  return { upstream, daemon, post }
}

const REPLAY = '    idempotency: { replay: {} }'

test('I6: a second request with the key of the first gets its answer, marked, and the upstream sees one', async t => {
  const { upstream, daemon, post } = await scene(t, REPLAY, () =>
    answer(201, '{"id":1}', JSON_TYPE, 'Location: /orders/1', 'Set-Cookie: a=b'),
  )
  const first = await post('{"n":1}', `Idempotency-Key: ${KEY}`)
  const second = await post('{"n":1}', `Idempotency-Key: ${KEY}`)
  t.equal(first.text, '{"id":1}')
  t.same([second.status, second.text], [201, '{"id":1}'])
  t.same([first.header('idempotent-replayed'), second.header('idempotent-replayed')], [undefined, 'true'])
  t.equal(second.header('location'), '/orders/1')
  t.same([first.header('set-cookie'), second.header('set-cookie')], ['a=b', undefined])
  t.equal(upstream.seen.length, 1)
  t.same(
    (await daemon.logged(2)).map(({ end, attempts }) => [end, attempts.length]),
    [
      [undefined, 1],
      ['replayed', 0],
    ],
  )
})

test('I5: the key with another payload is refused, and the answer tells nothing of the first', async t => {
  const { upstream, post } = await scene(t, REPLAY, () => answer(201, '{"secret":1}', JSON_TYPE))
  await post('{"n":1}', `Idempotency-Key: ${KEY}`)
  const other = await post('{"n":2}', `Idempotency-Key: ${KEY}`)
  t.equal(other.status, 422)
  t.match(other.text, '"code":"key_reused"')
  t.notMatch(other.text, 'secret')
  t.equal(upstream.seen.length, 1)
})

test('I6: a hundred at once with one key are one request, and all get its bytes', async t => {
  const { upstream, post } = await scene(t, REPLAY, () => answer(200, '{"id":7}', JSON_TYPE))
  const answers = await crowd(100, 100, () => post('{}', `Idempotency-Key: ${KEY}`))
  t.same(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(['200 {"id":7}']))
  t.equal(upstream.seen.length, 1)
})

test('I1: a minted key is there on the first attempt and the same on every one', async t => {
  let count = 0
  const route = '    idempotency: { inject: uuid4, upstream: replay }'
  const { upstream, post } = await scene(t, route, (_, socket) => {
    if (++count < 3) return void socket.destroy()
    return answer(200, 'done')
  })
  t.same([(await post('{}')).text, upstream.seen.length], ['done', 3])
  const keys = upstream.seen.map(seen => seen.header('idempotency-key'))
  t.match(keys[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(new Set(keys).size, 1)
})

test('I2: a key is spliced into a JSON body, and every other byte stays', async t => {
  const route = '    idempotency: { json: /key, inject: uuid4, upstream: replay }'
  const { upstream, post } = await scene(t, route, () => answer(200, 'done'))
  t.equal((await post('{ "big": 9007199254740993 , "a": [1 ] }')).status, 200)
  t.match(upstream.seen[0]?.body.toString(), /^\{ "big": 9007199254740993 , "a": \[1 \],"key":"[0-9a-f-]{36}" \}$/)
})

test('I7: a rate limit in a 200 is waited for like a 429, and is never the answer of its key', async t => {
  let limited = true
  const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"slow down"}}'
  const route = '    classify: [json_rpc]\n    idempotency: { replay: {} }\n    timeout: { total: 2s }'
  const { upstream, post } = await scene(t, route, () => {
    if (limited) return answer(200, error, JSON_TYPE)
    return answer(200, '{"jsonrpc":"2.0","id":1,"result":{}}', JSON_TYPE)
  })
  const first = await post('{}', `Idempotency-Key: ${KEY}`)
  t.equal(first.text, error)
  t.equal(upstream.seen.length, 3, 'repeated like a 429')
  limited = false
  const second = await post('{}', `Idempotency-Key: ${KEY}`)
  t.match(second.text, '"result"')
  t.equal(second.header('idempotent-replayed'), undefined)
})

test('I9: a client that leaves does not cancel its keyed call, and its next try gets the answer', async t => {
  const gate = { open: (): void => undefined, arrived: (): void => undefined }
  const held = new Promise<void>(resolve => {
    gate.open = resolve
  })
  const arrived = new Promise<void>(resolve => {
    gate.arrived = resolve
  })
  const { upstream, daemon, post } = await scene(t, REPLAY, async () => {
    gate.arrived()
    await held
    return answer(201, '{"id":9}', JSON_TYPE)
  })
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(
    `POST ${upstream.url}/orders HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nIdempotency-Key: ${KEY}\r\nContent-Length: 2\r\n\r\n{}`,
  )
  await arrived
  socket.destroy()
  gate.open()
  const [left] = await daemon.logged(1)
  t.match(left, { status: 201 })
  const second = await post('{}', `Idempotency-Key: ${KEY}`)
  t.same([second.status, second.text, upstream.seen.length], [201, '{"id":9}', 1])
})
