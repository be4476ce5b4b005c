import { test } from 'tap'
import { asked, get } from '../support/h2-frame-client.js'
import { CODE, data, frame, headers, TYPE } from '../support/h2-frames.js'
import { frames } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

test('F7: at a shutdown a connection without requests is closed at once, with a GOAWAY', async t => {
  const { used, isClean, after } = await undisturbed(async () => {
    const scene = await interceptedScene(t, () => answer(200, 'ok'))
    const fresh = await frames(t, scene)
    const used = await frames(t, scene)
    used.send(get(1, '/'))
    await used.ended(1)
    const from = performance.now()
    const isClean = await scene.daemon.daemon.drain()
    const after = performance.now() - from
    await Promise.all([fresh.closed, used.closed])
    return { used, isClean, after }
  })
  t.equal(isClean, true, 'nothing was cut')
  t.ok(after < 1_000, `${Math.round(after)} ms`)
  const goaway = await used.find(({ type }) => type === TYPE.goaway)
  t.equal(goaway?.payload.readUInt32BE(0), 1, 'the last request that was processed')
  t.equal(goaway?.payload.readUInt32BE(4), CODE.none)
})

test('F7: at a shutdown requests are finished, and a client that asks more is told that it was not processed', async t => {
  let finish: () => void = () => undefined
  const scene = await interceptedScene(t, (_, socket) => {
    finish = () => socket.write('2\r\nde\r\n0\r\n\r\n')
    return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'
  })
  const client = await frames(t, scene)
  client.send(get(1, '/slow'))
  await client.find(({ type }) => type === TYPE.data)
  const drained = scene.daemon.daemon.drain()
  const goaway = await client.find(({ type }) => type === TYPE.goaway)
  t.equal(goaway?.payload.readUInt32BE(0), 1, 'the last request that was processed')
  t.equal(goaway?.payload.readUInt32BE(4), CODE.none)
  client.send(get(3, '/too-late'))
  finish()
  t.match(await client.ended(1), { complete: true, body: 'abcde' })
  t.equal(await drained, true, 'nothing was cut')
  t.equal(scene.upstream.seen.length, 1)
})

test('F7: what runs longer than shutdown.drain is cut', async t => {
  const scene = await interceptedScene(
    t,
    () => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc',
    port => `${apiRoute(port)}shutdown: { drain: 100ms }\n`,
  )
  const client = await frames(t, scene)
  client.send(get(1, '/'))
  await client.find(({ type }) => type === TYPE.data)
  t.equal(await scene.daemon.daemon.drain(), false)
  await client.closed
  t.match(await client.ended(1), { complete: false })
})

test('F7: an upload under way at a shutdown is finished', async t => {
  const scene = await interceptedScene(t, ({ body }) => answer(200, `got ${body}`))
  const client = await frames(t, scene)
  client.send(headers(1, asked('POST', '/')), data(1, 'hel'))
  while (scene.upstream.connections() === 0) await new Promise(resolve => setImmediate(resolve))
  const drained = scene.daemon.daemon.drain()
  await client.find(({ type }) => type === TYPE.goaway)
  client.send(data(1, 'lo', true))
  t.match(await client.ended(1), { complete: true, body: 'got hello' })
  t.equal(await drained, true)
})

test('a client that says GOAWAY and leaves when its requests are done leaves nothing behind', async t => {
  const scene = await interceptedScene(t, () => answer(200, 'ok'))
  const client = await frames(t, scene)
  client.send(get(1, '/'), frame(TYPE.goaway, 0, 0, Buffer.alloc(8)))
  t.match(await client.ended(1), { complete: true, body: 'ok' })
  client.socket.end()
  await client.closed
  while (scene.daemon.daemon.holds().clients > 0) await new Promise(resolve => setImmediate(resolve))
  t.pass('its connection is gone')
})
