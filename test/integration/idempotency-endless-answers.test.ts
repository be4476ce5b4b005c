import { connect } from 'node:net'
import { test } from 'tap'
import { requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const STREAM = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n'

test('I9: an event stream that its client left is let go at the deadline, and nobody knows what it did', async t => {
  const { upstream, daemon, keyed } = await undisturbed(async () => {
    let closed = false
    const scene = await keyedScene(
      t,
      (_, socket) => {
        socket.once('close', () => {
          closed = true
        })
        return STREAM
      },
      // The head comes within it, also on a busy machine.
      ['timeout: { total: 1s }', 'idempotency: { replay: {} }'],
    )
    const socket = connect(scene.daemon.port, '127.0.0.1')
    const fields = [JSON_TYPE, `Idempotency-Key: ${KEY}`]
    socket.write(requestBytes(`${scene.upstream.url}/orders`, { method: 'POST', body: '{}', fields }))
    await new Promise(resolve => socket.once('data', resolve))
    socket.destroy()
    // Held up for the whole second, it answers before it has dialled.
    await until(() => closed || scene.upstream.connections() === 0)
    return scene
  }, 500)
  t.match(await daemon.logged(1), [{ status: 200, end: 'http_response_timeout' }])
  t.match(JSON.parse((await keyed(KEY)).text), { code: 'outcome_unknown' })
  t.equal(upstream.seen.length, 1)
})

test('I10: an answer for which the memory of all bodies has no room goes out whole, and is not kept', async t => {
  const top = 'store: memory\nlimits: { body_memory_total: 1MiB }'
  const { upstream, daemon, keyed } = await keyedScene(
    t,
    seen => answer(200, 'x'.repeat(Number(seen.body)), 'Content-Type: text/plain'),
    ['idempotency: { replay: { body_max: 4MiB } }'],
    { top },
  )
  for (const [length, code] of [
    [1_048_576, undefined],
    [2_000_000, 'result_unavailable'],
  ] as const) {
    t.equal((await keyed(`${KEY}-${length}`, String(length))).body.length, length)
    const again = await keyed(`${KEY}-${length}`, String(length))
    if (code === undefined) t.equal(again.body.length, length)
    else t.match(JSON.parse(again.text), { code })
  }
  t.equal(upstream.seen.length, 2)
  t.equal(daemon.daemon.holds().bodyMemory, 0)
})
