import { test } from 'tap'
import { asked, get } from '../support/h2-frame-client.js'
import { data, headers, window } from '../support/h2-frames.js'
import { ask, frames, http2Session } from '../support/http2-client.js'
import { apiRoute, interceptedScene } from '../support/intercepted.js'
import { answer } from '../support/upstream.js'

const MIB = 1_048_576
const CHUNK = Buffer.alloc(65_536, 'a')

test('L11: an answer that its client does not read stops its upstream, and no other stream', async t => {
  let sent = 0
  let blocked: () => void = () => undefined
  const stopped = new Promise<void>(resolve => (blocked = resolve))
  const scene = await interceptedScene(t, ({ path }, socket) => {
    if (path === '/other') return answer(200, 'ok')
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${256 * MIB}\r\n\r\n`)
    const more = () => {
      while (sent < 256 * MIB) {
        sent += CHUNK.length
        if (!socket.write(CHUNK)) {
          // Nothing is taken for this long: the kernel's buffers are full, and so are ours.
          const timer = setTimeout(blocked, 500)
          socket.once('drain', () => {
            clearTimeout(timer)
            more()
          })
          return
        }
      }
    }
    more()
    return undefined
  })
  // No window for any stream: the client reads, but takes nothing of the body.
  const client = await frames(t, scene, 4, 0)
  client.send(get(1, '/large'))
  await stopped
  t.ok(sent < 32 * MIB, `${sent} bytes went to the proxy`)
  const memory = process.memoryUsage().external
  t.ok(memory < 64 * MIB, `${memory} bytes outside the heap`)
  client.send(get(3, '/other'), window(3, 100))
  t.match(await client.ended(3), { complete: true, body: 'ok' })
  client.send(window(1, 1_000_000), window(0, 1_000_000))
  const before = sent
  await client.find(({ stream, type, payload }) => stream === 1 && type === 0 && payload.length > 0)
  t.ok(sent >= before, 'it goes on when the client takes some')
  client.socket.destroy()
})

test('L11: an upload that its upstream does not read stops its client, and no other stream', async t => {
  const scene = await interceptedScene(
    t,
    ({ path }, socket) => {
      if (path === '/other') return answer(200, 'ok')
      socket.pause()
      return undefined
    },
    port => apiRoute(port),
    { early: true },
  )
  const session = await http2Session(t, scene)
  const upload = session.request({ ':method': 'POST', ':path': '/', 'content-length': 256 * MIB })
  upload.on('error', () => undefined)
  let sent = 0
  await new Promise<void>(resolve => {
    const more = () => {
      const timer = setTimeout(resolve, 500)
      upload.write(CHUNK, error => {
        clearTimeout(timer)
        // The stream was closed: what waited is told so.
        if (error) return
        sent += CHUNK.length
        more()
      })
    }
    more()
  })
  t.ok(sent < 32 * MIB, `${sent} bytes left the client`)
  t.match(await ask(session, { ':path': '/other' }), { status: 200, text: 'ok' })
  upload.close()
})

test('L4: what a client sends while its request waits for its turn is bounded by the window', async t => {
  const scene = await interceptedScene(
    t,
    ({ path }) =>
      path === '/other'
        ? answer(200, '', 'Connection: close')
        : answer(503, 'busy', 'Retry-After: 5', 'Connection: close'),
    port => apiRoute(port, 'cooldown: off'),
    {
      early: true,
    },
  )
  const client = await frames(t, scene)
  client.send(headers(1, asked('POST', '/')), data(1, 'hello'))
  while (scene.upstream.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  // Behind this round trip the 503 has been read, and the request waits.
  client.send(get(3, '/other'))
  await client.ended(3)
  const kept = scene.daemon.daemon.holds().bodyMemory
  client.send(...Array.from({ length: 15 }, () => data(1, 'a'.repeat(16_000))), get(5, '/other'))
  t.match(await client.ended(5), { complete: true }, 'the rest waits for nobody')
  t.equal(scene.daemon.daemon.holds().bodyMemory, kept, 'nothing more was read')
  client.socket.destroy()
})
