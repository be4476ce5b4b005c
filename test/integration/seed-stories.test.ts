import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import { seeded } from '../support/random.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

// The stories that the product grew from: a CLI's hardened HTTP client, and an SDK whose repeated POSTs made duplicates.

/** Plays the answers in order, the last one for ever. */
const playing =
  (...answers: string[]): Script =>
  seen =>
    answers[Math.min(seen.number, answers.length) - 1]

const withRetryAfter = (settings: string) =>
  oneRoute(`retry: { backoff: { base: 10ms, cap: 20ms }, retry_after: { ${settings} } }`)

/** A GET, and the milliseconds until its answer. */
const timed = (t: Test, script: Script, yaml: string) =>
  undisturbed(async () => {
    const { upstream, daemon, url } = await scene(t, script, yaml)
    const start = performance.now()
    const got = await request(daemon.port, url)
    return { upstream, got, took: performance.now() - start }
  })

t.test('idempotent 503 is retried', async t => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const { upstream, daemon, url } = await scene(t, seen =>
      seen.number === 1 ? answer(503, method === 'HEAD' ? '' : 'busy') : answer(200, method === 'HEAD' ? '' : 'done'),
    )
    const body = method === 'PUT' ? { body: 'v' } : {}
    const got = await request(daemon.port, url, { method, ...body })
    t.equal(got.status, 200, method)
    t.equal(got.header('proxy-status')?.includes('received-status=503'), true, `${method}: what we did is said`)
    t.same(
      upstream.seen.map(seen => seen.head.split('\r\n')[0]),
      [`${method} /items HTTP/1.1`, `${method} /items HTTP/1.1`],
    )
    t.equal(upstream.connections(), 1, `${method}: one connection`)
  }
})

t.test('POST 503 is not retried', async t => {
  for (const method of ['POST', 'PATCH']) {
    const { upstream, daemon, url } = await scene(t, playing(answer(503, 'scan may have begun'), answer(200)))
    const got = await request(daemon.port, url, { method, body: '{"scan":1}' })
    t.equal(got.status, 503, method)
    t.equal(got.text, 'scan may have begun', 'the upstream own answer')
    t.equal(upstream.seen.length, 1, `${method}: one hit`)
  }
})

t.test('POST 429 is retried', async t => {
  const { upstream, daemon, url } = await scene(t, playing(answer(429, 'slow down'), answer(201, 'created')))
  const got = await request(daemon.port, url, { method: 'POST', body: '{"scan":1}' })
  t.equal(got.status, 201)
  t.equal(got.text, 'created')
  t.same(
    upstream.seen.map(seen => `${seen.method} ${seen.body}`),
    ['POST {"scan":1}', 'POST {"scan":1}'],
  )
  t.equal(upstream.connections(), 1)
})

t.test('Retry-After in seconds is honoured', async t => {
  const { at, status } = await undisturbed(async () => {
    const at: number[] = []
    const script: Script = seen => {
      at.push(performance.now())
      return seen.number === 1 ? answer(429, '', 'Retry-After: 1') : answer(200, 'ok')
    }
    const { daemon, url } = await scene(t, script)
    return { at, status: (await request(daemon.port, url, { method: 'POST', body: 'x' })).status }
  })
  t.equal(status, 200)
  t.equal(at.length, 2)
  const waited = (at[1] ?? 0) - (at[0] ?? 0)
  t.ok(waited >= 1_000, `never before the instant named: ${waited} ms`)
  t.ok(waited < 1_400, `and soon after it: ${waited} ms`)
})

t.test('Retry-After as a date is honoured', async t => {
  // The upstream's clock is an hour ahead: its date means something only against its own `Date`.
  const theirs = (offset: number) => new Date(Date.now() + 3_600_000 + offset).toUTCString()
  const { at, status } = await undisturbed(async () => {
    const at: number[] = []
    const script: Script = seen => {
      at.push(performance.now())
      if (seen.number > 1) return answer(200, 'ok')
      return answer(503, '', `Date: ${theirs(0)}`, `Retry-After: ${theirs(1_000)}`)
    }
    const { daemon, url } = await scene(t, script)
    return { at, status: (await request(daemon.port, url, { method: 'POST', body: 'x' })).status }
  })
  t.equal(status, 200)
  const waited = (at[1] ?? 0) - (at[0] ?? 0)
  t.ok(waited >= 1_000 && waited < 1_500, `a second by the upstream's clock: ${waited} ms`)
})

t.test('Retry-After beyond the maximum is handed back (when_longer: return)', async t => {
  const { upstream, got, took } = await timed(
    t,
    playing(answer(429, 'tomorrow', 'Retry-After: 30'), answer(200)),
    withRetryAfter('max: 2s, when_longer: return'),
  )
  t.equal(got.status, 429)
  t.equal(got.header('retry-after'), '30', 'the client can do what we do not')
  t.equal(got.text, 'tomorrow')
  t.ok(took < 500, 'at once')
  t.equal(upstream.seen.length, 1)
})

t.test('Retry-After beyond the maximum is capped (when_longer: cap)', async t => {
  const { upstream, got, took } = await timed(
    t,
    playing(answer(429, 'tomorrow', 'Retry-After: 30'), answer(200, 'ok')),
    withRetryAfter('max: 1s, when_longer: cap'),
  )
  t.equal(got.status, 200)
  t.ok(took >= 1_000 && took < 2_000, `the maximum, not the hint: ${took} ms`)
  t.equal(upstream.seen.length, 2)
})

t.test('the refused answer is drained so that the connection is reused', async t => {
  const long = 'e'.repeat(60_000)
  const refusals: Record<string, string> = {
    'with a length': answer(503, long),
    chunked: `HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n${(60_000).toString(16)}\r\n${long}\r\n0\r\n\r\n`,
  }
  for (const [name, refusal] of Object.entries(refusals)) {
    const { upstream, daemon, url } = await scene(t, playing(refusal, refusal, answer(200, 'ok')))
    const got = await request(daemon.port, url)
    t.equal(got.text, 'ok', name)
    t.same(
      upstream.seen.map(seen => seen.onConnection),
      [1, 2, 3],
      `${name}: three requests on one connection`,
    )
    t.equal(daemon.daemon.holds().upstreamConnections, 1)
  }
})

t.test('the body is replayed byte for byte', async t => {
  const random = seeded(2)
  const body = Buffer.from(Array.from({ length: 70_000 }, () => Math.floor(random() * 256)))
  const { upstream, daemon, url } = await scene(t, playing(answer(429), answer(429), answer(200)))
  t.equal(
    (await request(daemon.port, url, { method: 'POST', body, fields: ['X-Odd:  Case ', 'x-odd: again'] })).status,
    200,
  )
  const [first, second, third] = upstream.seen
  t.ok(first?.body.equals(body), 'the first body is the client body')
  t.ok(second?.body.equals(body) && third?.body.equals(body), 'and so is every replay')
  t.equal(second?.head, first?.head, 'the heads are equal too')
  t.equal(third?.head, first?.head)
  t.match(first?.head, /X-Odd: {1,2}Case ?\r\nx-odd: again/, 'case, order and repeats are kept')
  t.equal(upstream.connections(), 1)
})

t.test('cancellation stops the wait', async t => {
  const { upstream, daemon, unanswered, took } = await undisturbed(async () => {
    const { upstream, daemon, url } = await scene(t, playing(answer(429, '', 'Retry-After: 20'), answer(200)))
    const socket = connect(daemon.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(requestBytes(url, { method: 'POST', body: 'x'.repeat(1_000) }))
    await until(() => upstream.seen.length === 1 && daemon.daemon.holds().bodyMemory === 1_000)
    const unanswered = readAnswer(socket, 'POST')
    const closed = once(socket, 'close')
    socket.destroy()
    await closed
    return { upstream, daemon, unanswered, took: await until(() => daemon.exchanges().length === 1) }
  }, 40)
  t.ok(took <= 50, `the exchange ends at once: ${took} ms`)
  t.same(daemon.daemon.holds(), { upstreamConnections: 1, bodyMemory: 0, clients: 0 })
  t.equal(daemon.exchanges()[0]?.end, 'client-gone')
  t.equal((await unanswered).status, 0, 'nothing was answered')
  t.equal(upstream.seen.length, 1, 'one hit')
})
