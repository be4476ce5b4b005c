import { once } from 'node:events'
import { test } from 'tap'
import { asked, get } from '../support/h2-frame-client.js'
import { CODE, data, headers, reset, TYPE, window } from '../support/h2-frames.js'
import { frames } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

/** L9, in milliseconds; the machine may be busy with other things. */
const AT_ONCE = 50
const SLACK = 200

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'

/** Resolves when an upstream's request is there, and then when its connection is gone. */
function watched(reply: string | undefined) {
  let asked: () => void = () => undefined
  let gone: (after: number) => void = () => undefined
  const arrived = new Promise<void>(resolve => (asked = resolve))
  const left = new Promise<number>(resolve => (gone = resolve))
  const script: Script = (_, socket) => {
    socket.on('close', () => gone(performance.now()))
    if (reply !== undefined) socket.write(reply)
    asked()
    return undefined
  }
  return { script, arrived, left }
}

const LEAVES: readonly [name: string, method: string, reply: string | undefined, code: number][] = [
  ['before the head', 'GET', undefined, CODE.cancel],
  ['before the head of an answer to HEAD', 'HEAD', undefined, CODE.cancel],
  ['in the middle of the answer', 'GET', chunked, CODE.cancel],
  ['with an error of its own', 'GET', chunked, CODE.internal],
  ['without an error', 'GET', chunked, CODE.none],
]

for (const [name, method, reply, code] of LEAVES) {
  test(`L9: a stream reset ${name} ends its attempt at once, and the connection goes on`, async t => {
    const leave = async () => {
      const { script, arrived, left } = watched(reply)
      const scene = await interceptedScene(t, (seen, socket) =>
        seen.path === '/other' ? answer(200, 'ok') : script(seen, socket),
      )
      const client = await frames(t, scene)
      client.send(headers(1, asked(method, '/'), true))
      await arrived
      const from = performance.now()
      client.send(reset(1, code))
      return { scene, client, after: (await left) - from }
    }
    const { scene, client, after } = await undisturbed(leave)
    t.ok(after < AT_ONCE + SLACK, `${Math.round(after)} ms`)
    client.send(get(3, '/other'))
    t.match(await client.ended(3), { complete: true, body: 'ok' })
    const [first] = await scene.daemon.logged(2)
    t.match(first, { path: '/', end: 'client-gone', attempts: { length: 1 } })
  })
}

test('L9: a stream reset between two attempts is the end of them', async t => {
  const scene = await interceptedScene(t, () => answer(503, 'busy', 'Retry-After: 5'))
  const client = await frames(t, scene)
  client.send(get(1, '/'))
  while (scene.upstream.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  client.send(reset(1, CODE.cancel))
  const [record] = await scene.daemon.logged(1)
  t.match(record, { end: 'client-gone', attempts: { length: 1 } })
})

test('L9: a connection that is lost ends all its requests', async t => {
  const { scene, records, after } = await undisturbed(async () => {
    const scene = await interceptedScene(t, () => undefined)
    const client = await frames(t, scene)
    for (let stream = 1; stream < 40; stream += 2) client.send(get(stream, '/'))
    while (scene.upstream.seen.length < 20) await new Promise(resolve => setImmediate(resolve))
    const from = performance.now()
    client.socket.destroy()
    const records = await scene.daemon.logged(20)
    return { scene, records, after: performance.now() - from }
  })
  t.ok(after < AT_ONCE + SLACK, `${Math.round(after)} ms`)
  t.ok(records.every(({ end }) => end === 'client-gone'))
  while (scene.upstream.open() > 0) await new Promise(resolve => setImmediate(resolve))
  t.equal(scene.daemon.daemon.holds().upstreamConnections, 0)
})

test('L9: a connection that is reset while a large answer is written is noticed', async t => {
  const block = Buffer.alloc(65_536, 'a')
  const scene = await interceptedScene(t, (_, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 30}\r\n\r\n`)
    const more = () => {
      while (!socket.destroyed && socket.write(block));
      socket.once('drain', more)
    }
    more()
    return undefined
  })
  let clients = 0
  const leave = async (patience: number) => {
    const client = await frames(t, scene, 4, 2 ** 30)
    clients++
    client.send(window(0, 2 ** 30), get(1, '/'))
    await client.find(({ type, payload }) => type === TYPE.data && payload.length > 0)
    client.socket.pause()
    // Long enough for the kernel's buffers to fill, or not.
    await new Promise(resolve => setTimeout(resolve, patience))
    const from = performance.now()
    client.socket.destroy()
    while (scene.daemon.daemon.holds().clients > 0) await new Promise(resolve => setImmediate(resolve))
    return performance.now() - from
  }
  for (const patience of [0, 100]) {
    const after = await undisturbed(() => leave(patience))
    t.ok(after < AT_ONCE + SLACK, `${Math.round(after)} ms`)
  }
  const ends = (await scene.daemon.logged(clients)).map(({ end }) => end)
  t.same(new Set(ends), new Set(['client-gone']))
})

for (const method of ['POST', 'HEAD']) {
  test(`an upload by ${method} that is reset half way has no clean end at the upstream`, async t => {
    let bytes = ''
    let closed = Promise.resolve<unknown>(undefined)
    const scene = await interceptedScene(
      t,
      (_, socket) => {
        closed = once(socket, 'close')
        socket.on('data', chunk => (bytes += chunk.toString('latin1')))
        return undefined
      },
      port => apiRoute(port),
      { early: true },
    )
    const client = await frames(t, scene)
    client.send(headers(1, asked(method, '/')), data(1, 'hello'))
    while (!bytes.endsWith('hello\r\n')) await new Promise(resolve => setImmediate(resolve))
    client.send(reset(1, CODE.none))
    const [record] = await scene.daemon.logged(1)
    t.equal(record?.end, 'client-gone')
    await closed
    t.equal(bytes, '5\r\nhello\r\n')
  })
}

test('a client that closes behind its request has left: it gets nothing any more', async t => {
  const { script, arrived, left } = watched(undefined)
  const scene = await interceptedScene(t, script)
  const client = await frames(t, scene)
  client.send(get(1, '/'))
  await arrived
  client.socket.end()
  await left
  t.match(await scene.daemon.logged(1), [{ end: 'client-gone' }])
  t.notOk(
    scene.daemon.lines.some(({ msg }) => String(msg).includes('TLS handshake')),
    'it is not said to distrust us',
  )
})
