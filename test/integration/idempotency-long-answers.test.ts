import { test } from 'tap'
import { problemOf } from '../support/client-lane.js'
import { until } from '../support/crowd.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const LONG = 'x'.repeat(10 * 1_048_576)
const REPLAY = 'idempotency: { replay: {} }'
const EVENTS = 'Content-Type: text/event-stream'

const FRAMINGS: Readonly<Record<string, () => string>> = {
  'with a length': () => answer(200, LONG, JSON_TYPE),
  chunked: () =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${LONG.length.toString(16)}\r\n${LONG}\r\n0\r\n\r\n`,
}

for (const [framing, make] of Object.entries(FRAMINGS)) {
  test(`I10: who asked first gets all of 10 MiB ${framing}, and nobody a part of it`, async t => {
    const { upstream, keyed } = await keyedScene(t, make, [REPLAY])
    const first = await keyed(KEY)
    t.ok(first.text === LONG && !first.broken)
    for (let i = 0; i < 3; i++) {
      const again = await keyed(KEY)
      t.same([again.status, problemOf(again)['code']], [409, 'result_unavailable'])
      t.notOk(again.header('idempotent-replayed'))
    }
    t.equal(upstream.seen.length, 1)
  })
}

test('I10: where the upstream knows its keys, it is asked again for what was too long to keep', async t => {
  const effects = new Set<string | undefined>()
  const script: Script = seen => {
    effects.add(seen.header('idempotency-key'))
    return answer(200, LONG, JSON_TYPE)
  }
  const { upstream, keyed } = await keyedScene(t, script, ['idempotency: { upstream: replay, replay: {} }'])
  for (let i = 0; i < 3; i++) t.ok((await keyed(KEY)).text === LONG)
  t.equal(upstream.seen.length, 3)
  t.equal(effects.size, 1)
})

test('I10: `body_max` is what is kept at most, to the byte', async t => {
  for (const [length, kept] of [
    [1_000, true],
    [1_001, false],
  ] as const) {
    const { upstream, keyed } = await keyedScene(t, () => answer(200, 'x'.repeat(length), JSON_TYPE), [
      'idempotency: { replay: { body_max: 1000B } }',
    ])
    t.equal((await keyed(KEY)).body.length, length)
    const again = await keyed(KEY)
    t.equal(again.header('idempotent-replayed') === 'true' && again.body.length === length, kept)
    t.equal(again.status, kept ? 200 : 409)
    t.equal(upstream.seen.length, 1)
  }
})

test('I10: who waits for an answer that is too long to keep is told so, and nothing is done again', async t => {
  let open = (): void => undefined
  const held = new Promise<void>(resolve => {
    open = resolve
  })
  const { upstream, daemon, keyed } = await keyedScene(t, async () => {
    await held
    return answer(200, LONG, JSON_TYPE)
  }, [REPLAY])
  const first = keyed(KEY)
  await until(() => upstream.seen.length === 1)
  const others = [keyed(KEY), keyed(KEY)]
  await until(() => daemon.daemon.holds().clients === 3)
  open()
  t.ok((await first).text === LONG)
  for (const got of await Promise.all(others)) t.same([got.status, problemOf(got)['code']], [409, 'result_unavailable'])
  t.equal(upstream.seen.length, 1)
})

const event = (n: number): string => `data: {"step":${n}}\n\n`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const STREAM_HEAD = `HTTP/1.1 200 OK\r\n${EVENTS}\r\nTransfer-Encoding: chunked\r\n\r\n`

/** Three events, of which the first stream breaks off after two. */
const breaksOnce: Script = (seen, socket) => {
  const two = `${STREAM_HEAD}${chunk(event(1))}${chunk(event(2))}`
  if (seen.number > 1) return `${two}${chunk(event(3))}0\r\n\r\n`
  socket.write(two, () => setImmediate(() => socket.destroy()))
  return undefined
}

test('I10: an event stream that breaks off leaves its key in doubt, and is never replayed', async t => {
  const { upstream, keyed } = await keyedScene(t, breaksOnce, [REPLAY])
  const first = await keyed(KEY)
  t.ok(first.broken)
  const again = await keyed(KEY)
  t.same([again.status, problemOf(again)['code'], again.header('retry-after')], [409, 'outcome_unknown', undefined])
  t.equal(upstream.seen.length, 1)
})

test('I12: where the upstream knows its keys, the whole stream is had by asking again, and then replayed', async t => {
  const { upstream, keyed } = await keyedScene(t, breaksOnce, ['idempotency: { upstream: resume, replay: {} }'])
  t.ok((await keyed(KEY)).broken)
  const whole = event(1) + event(2) + event(3)
  const again = await keyed(KEY)
  t.same([again.text, again.header('idempotent-replayed')], [whole, undefined])
  const replayed = await keyed(KEY)
  t.same([replayed.text, replayed.header('idempotent-replayed')], [whole, 'true'])
  t.equal(replayed.header('content-type'), 'text/event-stream')
  t.equal(upstream.seen.length, 2)
})

test('L11: a keyed event stream reaches its client event by event, and is kept all the same', async t => {
  let next = (): void => undefined
  const { daemon, upstream, keyed } = await keyedScene(
    t,
    (_, socket) => {
      next = () => socket.write(`${chunk(event(2))}0\r\n\r\n`)
      return `${STREAM_HEAD}${chunk(event(1))}`
    },
    [REPLAY],
  )
  const answered = await fetchThrough(daemon.port, `${upstream.url}/orders`)
  const reader = answered.body.getReader()
  const first = await reader.read()
  t.equal(Buffer.from(first.value ?? []).toString(), event(1), 'before there is a second')
  next()
  t.equal(Buffer.from((await reader.read()).value ?? []).toString(), event(2))
  t.ok((await reader.read()).done)
  t.equal((await keyed(KEY)).text, event(1) + event(2))
})

async function fetchThrough(port: number, url: string) {
  const { fetch, ProxyAgent } = await import('undici')
  const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${port}`, proxyTunnel: false })
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': KEY }
  const answered = await fetch(url, { method: 'POST', body: '{}', headers, dispatcher })
  if (answered.body === null) throw new Error('no body')
  return { body: answered.body }
}
