import { test } from 'tap'
import { asked, get, goawayCode } from '../support/h2-frame-client.js'
import { block, CODE, data, FLAG, frame, headers, reset, settings, TYPE } from '../support/h2-frames.js'
import { frames } from '../support/http2-client.js'
import { interceptedScene } from '../support/intercepted.js'
import { answer } from '../support/upstream.js'

/** Streams number 1, 3, 5 … */
const streams = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i + 1)

test('CVE-2023-44487: a client that resets what it asks is cut off, and the upstream is spared', async t => {
  const scene = await interceptedScene(t, () => undefined)
  const client = await frames(t, scene)
  client.send(...streams(300).flatMap(stream => [get(stream, '/'), reset(stream, CODE.cancel)]))
  t.equal(await goawayCode(client), CODE.calm)
  await client.closed
  t.equal(scene.upstream.seen.length, 0, 'nothing came through that was reset in the same breath')
  while (scene.daemon.daemon.holds().clients > 0) await new Promise(resolve => setImmediate(resolve))
  const later = await frames(t, scene)
  later.send(get(1, '/'))
  while (scene.upstream.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  t.pass('another connection is served')
})

test('a crowd that cancels its requests at once is no attack', async t => {
  const scene = await interceptedScene(t, ({ path }) => (path === '/slow' ? undefined : answer(200, 'ok')))
  const client = await frames(t, scene)
  const crowd = streams(100)
  client.send(...crowd.map(stream => get(stream, '/slow')))
  client.send(...crowd.map(stream => reset(stream, CODE.cancel)))
  client.send(get(201, '/'))
  t.match(await client.ended(201), { complete: true, body: 'ok' })
})

test('F6: the 129th request at once is refused as not processed, and is an error of who knew the limit', async t => {
  const scene = await interceptedScene(t, () => undefined)
  const hasty = await frames(t, scene)
  hasty.send(...streams(129).map(stream => get(stream, '/')))
  t.match(await hasty.ended(257), { complete: false, reset: CODE.refused })
  const client = await frames(t, scene)
  await client.find(({ type, flags }) => type === TYPE.settings && flags === FLAG.ack)
  client.send(...streams(129).map(stream => get(stream, '/')))
  await client.closed
  t.pass('the connection is closed')
})

const request = frame(TYPE.headers, FLAG.end, 1, block(asked('GET', '/')))
const upload = headers(1, asked('POST', '/'))
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes))

const FLOODS: readonly [name: string, bytes: Buffer][] = [
  ['SETTINGS', times(20_000, settings())],
  ['CONTINUATION', Buffer.concat([request, times(2_000, frame(TYPE.continuation, 0, 1, block([['x', '1']])))])],
  ['empty CONTINUATION', Buffer.concat([request, times(2_000, frame(TYPE.continuation, 0, 1))])],
  ['empty DATA', Buffer.concat([upload, times(20_000, data(1, ''))])],
  ['malformed requests', Buffer.concat(streams(5_000).map(stream => get(stream, '/', ['connection', 'close'])))],
]

for (const [name, bytes] of FLOODS) {
  test(`F6: a flood of ${name} from a client that reads nothing ends its connection`, async t => {
    const scene = await interceptedScene(t, () => answer(200, 'ok'))
    const client = await frames(t, scene)
    await client.find(({ type }) => type === TYPE.settings)
    client.socket.pause()
    client.send(bytes)
    while (scene.daemon.daemon.holds().clients > 0) await new Promise(resolve => setImmediate(resolve))
    t.equal(scene.upstream.seen.length, 0)
  })
}

test('what is no HTTP/2 ends its connection', async t => {
  const scene = await interceptedScene(t, () => answer(200, 'ok'))
  const socket = await scene.open('api.test:443', { ALPNProtocols: ['h2'] })
  socket.write('GET / HTTP/1.1\r\nHost: api.test\r\n\r\n')
  socket.resume()
  await new Promise(resolve => socket.on('close', resolve))
  t.equal(scene.upstream.seen.length, 0)
})
