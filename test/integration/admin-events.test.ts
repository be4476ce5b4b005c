import { once } from 'node:events'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { startAdminServer } from '../../src/admin/server.js'
import { NO_LOAD } from '../../src/metrics/load.js'
import { exchangeView } from '../../src/serving/exchange-view.js'
import type { ExchangeListener, Serving } from '../../src/serving/serving.js'
import type { ExchangeView } from '../../src/serving/views.js'
import { adminPort, jsonIn, send } from '../support/admin.js'
import { request } from '../support/client.js'
import { ManualClock } from '../support/clock.js'
import { startTestDaemon } from '../support/daemon.js'
import { EventReader } from '../support/event-reader.js'
import { managed, QUIET_WORLD, serving } from '../support/managed.js'
import { exchangeRecord } from '../support/records.js'
import { answer, startUpstream } from '../support/upstream.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

const view = (id: string, path = '/'): ExchangeView => exchangeView(exchangeRecord({ id, path }), 0)

/** An admin side over a clock that stands still, whose daemon tells what the test has it tell. */
async function start(t: Test, change: Partial<Serving> = {}) {
  const clock = new ManualClock()
  const listeners = new Set<ExchangeListener>()
  let watched = 0
  const watch = (listener: ExchangeListener) => {
    watched++
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const state = t.testdir({})
  const admin = await startAdminServer(ANY, managed(state, { serving: serving({ watch, ...change }) }), {
    ...QUIET_WORLD,
    clock,
  })
  t.teardown(admin.close)
  // Its answers are loaded by then.
  clock.advance(2_000)
  const port = admin.address.kind === 'tcp' ? admin.address.port : 0
  const open = async (...fields: string[]) => {
    const reader = await EventReader.open(port, ...fields)
    t.teardown(() => reader.close())
    return reader
  }
  const tell = (exchanges: readonly ExchangeView[], missed = 0) => {
    for (const listener of listeners) listener(exchanges, missed)
  }
  return { admin, port, clock, open, tell, listeners, watched: () => watched }
}

const untilGone = async (listeners: ReadonlySet<unknown>) => {
  while (listeners.size > 0) await new Promise(resolve => setImmediate(resolve))
}

test('a stream tells the load at once, and every exchange of the daemon as it ends', async t => {
  const upstream = await startUpstream(({ path }) => answer(path === '/bad' ? 404 : 200, 'ok'))
  t.teardown(() => upstream.close())
  const daemon = await startTestDaemon(undefined, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const reader = await EventReader.open(adminPort(daemon))
  t.teardown(() => reader.close())
  t.equal(reader.answer.statusCode, 200)
  t.match(reader.answer.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
  })
  const [first] = await reader.until(({ event }) => event === 'load')
  t.match(first, { event: 'load', data: { draining: false } })
  for (const path of ['/a?x=1', '/bad']) await request(daemon.port, upstream.url + path)
  const seen = await reader.until(({ data }) => data['status'] === 404)
  const exchanges = seen.filter(({ event }) => event === 'exchange')
  t.match(exchanges, [{ data: { url: `${upstream.url}/a`, query: true } }, { data: { url: `${upstream.url}/bad` } }])
  for (const { id, data } of exchanges) t.equal(id, data['id'])
  const { exchanges: listed } = jsonIn(await send(adminPort(daemon), '/v1/exchanges')) as { exchanges: unknown[] }
  t.same(exchanges.map(({ data }) => data).reverse(), listed)
})

test('with nobody looking nothing is watched and no timer runs; one watch serves all who look', async t => {
  const { clock, open, listeners, watched, tell } = await start(t)
  t.equal(watched(), 0)
  t.equal(clock.pending, 0)
  const readers = [await open(), await open()]
  t.equal(watched(), 1)
  t.equal(clock.pending, 1)
  tell([view('a-1')])
  for (const reader of readers)
    t.match(await reader.until(({ id }) => id === 'a-1'), [{ event: 'load' }, { id: 'a-1' }])
  readers[0]?.close()
  tell([view('a-2')])
  await readers[1]?.until(({ id }) => id === 'a-2')
  t.equal(listeners.size, 1)
  readers[1]?.close()
  await untilGone(listeners)
  t.equal(clock.pending, 0)
  await open()
  t.equal(watched(), 2)
})

test('the load is told again when it is another, and a comment keeps the stream open', async t => {
  let load = NO_LOAD
  const { clock, open } = await start(t, { load: async () => load })
  const reader = await open()
  const pass = () => clock.advanceAsync(1_000)
  await pass()
  await pass()
  load = { ...NO_LOAD, inflight: 3 }
  await pass()
  await pass()
  load = { ...NO_LOAD, draining: true }
  await pass()
  const told = await reader.until(({ data }) => data['draining'] === true)
  t.same(
    told.map(({ data }) => [data['inflight'], data['draining']]),
    [
      [0, false],
      [3, false],
      [0, true],
    ],
  )
  let heartbeats = 0
  reader.answer.on('data', text => (heartbeats += String(text).includes(':\n\n') ? 1 : 0))
  await clock.advanceAsync(10_000)
  load = NO_LOAD
  await pass()
  await reader.until(() => reader.all.length > told.length)
  t.equal(heartbeats, 1)
})

test('who comes between two looks hears of the load that follows what it was told, and so do the others', async t => {
  let load = NO_LOAD
  const { clock, open } = await start(t, { load: async () => load })
  const inflightOf = (reader: EventReader) => reader.all.map(({ data }) => data['inflight'])
  const first = await open()
  await first.until(({ event }) => event === 'load')
  await clock.advanceAsync(1_000)
  load = { ...NO_LOAD, inflight: 1 }
  const second = await open()
  await second.until(({ data }) => data['inflight'] === 1)
  load = NO_LOAD
  await clock.advanceAsync(1_000)
  await second.until(({ data }) => data['inflight'] === 0)
  t.same(inflightOf(second), [1, 0])
  await first.until(() => first.all.length === 3)
  t.same(inflightOf(first), [0, 1, 0])
})

test('who does not read is not waited for: what has no room is counted, and told as missed', async t => {
  const { open, tell } = await start(t)
  const slow = await open()
  const quick = await open()
  slow.answer.pause()
  const long = 'a'.repeat(10_000)
  const groups = 60
  for (let group = 0; group < groups; group++) {
    tell(
      Array.from({ length: 50 }, (_, i) => view(`${group}-${i}`, `/${long}`)),
      1,
    )
    // The quick one has read this group: it never has more than one unread.
    await quick.until(({ id }) => id === `${group}-49`)
  }
  slow.answer.resume()
  const countOf = (reader: EventReader) => reader.all.filter(({ event }) => event === 'exchange').length
  const missedOf = (reader: EventReader) =>
    reader.all.reduce((sum, { event, data }) => sum + (event === 'missed' ? Number(data['count']) : 0), 0)
  const all = groups * 51
  const isWhole = (reader: EventReader) => reader.until(() => countOf(reader) + missedOf(reader) === all)
  await isWhole(slow)
  await isWhole(quick)
  t.ok(countOf(slow) < countOf(quick), `${countOf(slow)} of ${groups * 50} were told`)
  t.ok(missedOf(slow) > groups)
})

test('Last-Event-ID goes on behind that exchange, or says that too much was missed', async t => {
  const latest = ['a-4', 'a-3', 'a-2', 'a-1'].map(id => view(id))
  const { open } = await start(t, { exchanges: async () => latest })
  const back = await open('Last-Event-ID: a-2')
  const seen = await back.until(({ id }) => id === 'a-4')
  t.same(
    seen.map(({ event, id }) => id ?? event),
    ['load', 'a-3', 'a-4'],
  )
  const late = await open('Last-Event-ID: z-1')
  t.match(await late.until(({ event }) => event === 'missed'), [{ event: 'load' }, { data: { count: 4 } }])
  const last = await open('Last-Event-ID: a-4')
  t.same(
    (await last.until(({ event }) => event === 'load')).map(({ event }) => event),
    ['load'],
  )
})

test('there are 16 streams and no more, and one that ends makes room', async t => {
  const { port, open, listeners } = await start(t)
  const readers = await Promise.all(Array.from({ length: 16 }, () => open()))
  const refused = await send(port, '/v1/events')
  t.match(refused, { status: 503 })
  t.equal(refused.header('retry-after'), '5')
  t.match(jsonIn(refused), { code: 'too_many_streams' })
  for (const reader of readers) reader.close()
  await untilGone(listeners)
  t.equal((await open()).answer.statusCode, 200)
})

test('readers that leave while they come leave nothing behind', async t => {
  const { port, listeners, clock, open } = await start(t)
  const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'))
  for (const [index, socket] of sockets.entries()) {
    socket.on('error', () => undefined)
    socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    if (index % 2 === 0) setImmediate(() => socket.resetAndDestroy())
    else socket.end()
  }
  for (const socket of sockets) {
    // Not `once` of events, which an error that may come as well would reject.
    if (!socket.closed) await new Promise(resolve => socket.resume().once('close', resolve))
  }
  const last = await open()
  last.close()
  await untilGone(listeners)
  t.equal(clock.pending, 0)
})

test('streams end with the admin side, and cost nothing afterwards', async t => {
  const { admin, open, listeners, clock } = await start(t)
  const readers = [await open(), await open()]
  const closed = readers.map(({ socket }) => once(socket, 'close'))
  await admin.close()
  await Promise.all(closed)
  t.equal(listeners.size, 0)
  t.equal(clock.pending, 0)
})

test('a daemon that cannot say its load ends the stream, so that its reader comes again', async t => {
  const { port, listeners } = await start(t, { load: () => Promise.reject(new Error('gone')) })
  const reader = await EventReader.open(port)
  if (!reader.socket.destroyed) await once(reader.socket, 'close')
  await untilGone(listeners)
  t.same(reader.all, [])
})
