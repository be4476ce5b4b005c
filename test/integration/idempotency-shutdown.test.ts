import { connect } from 'node:net'
import { test } from 'tap'
import { request, requestBytes } from '../support/client.js'
import { JSON_TYPE, keyedRoute } from '../support/keyed-scene.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'

const COUNT = 20

test(`I9, F7: ${COUNT} calls that their clients left are finished and kept before a daemon that was told to stop is gone`, async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  let arrived = 0
  let all = (): void => undefined
  const allArrived = new Promise<void>(resolve => {
    all = resolve
  })
  const upstream = await startUpstream(async seen => {
    if (++arrived === COUNT) all()
    await held
    return answer(201, `{"done":"${seen.header('idempotency-key')}"}`, JSON_TYPE)
  })
  t.teardown(() => upstream.close())
  const home = makeHome(t, PATIENT + keyedRoute(upstream.port, ['idempotency: { replay: {} }']))
  const first = await startLive(t, home, 'off')
  const options = (i: number) => ({
    method: 'POST',
    body: '{}',
    fields: [JSON_TYPE, `Idempotency-Key: order-${i}-abcdefgh`],
  })
  const url = `${upstream.url}/orders`
  const clients = Array.from({ length: COUNT }, (_, i) => {
    const socket = connect(first.port, '127.0.0.1')
    socket.write(requestBytes(url, options(i)))
    return socket.on('error', () => undefined)
  })
  await allArrived
  for (const socket of clients) socket.resetAndDestroy()
  let ended = false
  const gone = first.stop().finally(() => {
    ended = true
  })
  await first.said(({ msg }) => /drain|shut|stop/i.test(String(msg)))
  t.notOk(ended, 'it waits for what runs')
  open()
  t.same(await gone, [0, null])
  const second = await startLive(t, home, 'off')
  for (let i = 0; i < COUNT; i++) {
    const got = await request(second.port, url, options(i))
    t.same([got.status, got.text, got.header('idempotent-replayed')], [201, `{"done":"order-${i}-abcdefgh"}`, 'true'])
  }
  t.equal(upstream.seen.length, COUNT)
})

test('I12, F7: what outlasts the time to drain is cut, and its key is in doubt afterwards', async t => {
  let arrive = (): void => undefined
  const arrived = new Promise<void>(resolve => {
    arrive = resolve
  })
  const upstream = await startUpstream(() => void arrive())
  t.teardown(() => upstream.close())
  const yaml = `shutdown: { drain: 200ms }\n${keyedRoute(upstream.port, ['idempotency: { replay: {} }'])}`
  const home = makeHome(t, yaml)
  const first = await startLive(t, home, 'off')
  const url = `${upstream.url}/orders`
  const options = { method: 'POST', body: '{}', fields: [JSON_TYPE, 'Idempotency-Key: order-1-abcdefgh'] }
  const socket = connect(first.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(requestBytes(url, options))
  await arrived
  socket.resetAndDestroy()
  await first.stop()
  const second = await startLive(t, home, 'off')
  const again = await request(second.port, url, options)
  t.equal(again.status, 409)
  t.match(again.text, '"code":"outcome_unknown"')
  t.equal(upstream.seen.length, 1)
})
