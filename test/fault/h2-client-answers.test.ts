import { once } from 'node:events'
import { test } from 'tap'
import { get } from '../support/h2-frame-client.js'
import { CODE } from '../support/h2-frames.js'
import { ask, frames, http2Session } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { answer, type Script } from '../support/upstream.js'

const HEADS: Readonly<Record<string, string>> = {
  length: 'Content-Length: 99\r\n\r\nabc',
  chunked: 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  events: 'Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
}

test('L8: an answer that breaks off has no end that looks like one, whatever its framing', async t => {
  const scene = await interceptedScene(t, ({ path }, socket) => {
    const [, head = '', end, when] = path.split('/')
    socket.write(`HTTP/1.1 200 OK\r\n${HEADS[head]}`)
    const breakOff = () => (end === 'junk' ? socket.write('zz\r\n') : end === 'fin' ? socket.end() : socket.destroy())
    if (when === 'at-once') breakOff()
    else setImmediate(() => setImmediate(breakOff))
    return undefined
  })
  const client = await frames(t, scene)
  let stream = 1
  for (const head of Object.keys(HEADS)) {
    for (const end of head === 'length' ? ['fin', 'destroy'] : ['fin', 'destroy', 'junk']) {
      for (const when of ['at-once', 'later']) {
        client.send(get(stream, `/${head}/${end}/${when}`))
        t.match(await client.ended(stream), { complete: false, reset: CODE.internal }, `${head} ${end} ${when}`)
        stream += 2
      }
    }
  }
})

test('L8: an answer whose upstream falls silent is broken off by our clock', async t => {
  const script: Script = () => `HTTP/1.1 200 OK\r\n${HEADS['length']}`
  const scene = await interceptedScene(t, script, port => apiRoute(port, 'timeout: { idle: 1s }'))
  const client = await frames(t, scene)
  client.send(get(1, '/'))
  t.match(await client.ended(1), { complete: false, reset: CODE.internal, body: 'abc' })
})

test('a hundred requests of one connection are each repeated for themselves', async t => {
  const tries = new Map<string, number>()
  const scene = await interceptedScene(
    t,
    ({ path }) => {
      const count = (tries.get(path) ?? 0) + 1
      tries.set(path, count)
      return count === 1 ? answer(503, 'busy') : answer(200, path)
    },
    port => apiRoute(port).replace('retry: {', 'breaker: off\n    retry: { budget: { min_per_second: 1000 },'),
  )
  const session = await http2Session(t, scene)
  const paths = Array.from({ length: 100 }, (_, i) => `/${i}`)
  const answers = await Promise.all(paths.map(path => ask(session, { ':path': path })))
  t.same(
    answers.map(({ status, text }) => `${status} ${text}`),
    paths.map(path => `200 ${path}`),
  )
  t.match(answers[0]?.fields['proxy-status'], /attempts=2/)
  t.ok([...tries.values()].every(count => count === 2))
  t.equal(scene.daemon.daemon.holds().clients, 1)
})

test('R2: a POST that may have been applied is not repeated, and the client is told', async t => {
  const scene = await interceptedScene(t, (_, socket) => void socket.destroy())
  const session = await http2Session(t, scene)
  const got = await ask(session, { ':method': 'POST', ':path': '/' }, 'pay')
  t.equal(got.status, 502)
  t.match(JSON.parse(got.text), { outcome: 'unknown' })
  t.equal(scene.upstream.seen.length, 1)
})

test('L4: an empty body that is over before the upstream is reached is forwarded whole', async t => {
  const scene = await interceptedScene(t, ({ body }) => answer(200, `${body.length} bytes`))
  const session = await http2Session(t, scene)
  t.equal((await ask(session, { ':method': 'POST', ':path': '/' }, '')).text, '0 bytes')
})

test('L11: events reach the client one by one', async t => {
  let next: (text: string) => void = () => undefined
  const scene = await interceptedScene(t, (_, socket) => {
    next = text => void socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
    return 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
  })
  const stream = (await http2Session(t, scene)).request({ ':path': '/' })
  stream.on('error', () => undefined)
  await once(stream, 'response')
  for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    next(event)
    const [chunk] = (await once(stream, 'data')) as [Buffer]
    t.equal(chunk.toString(), event)
  }
  stream.close()
})
