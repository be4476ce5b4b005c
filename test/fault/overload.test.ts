import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { type Answer, readAnswer, request, requestBytes } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { until } from '../support/crowd.js'
import { oneRoute, type Scene, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

/** Holds `/held` until it is let go, answers everything else. */
async function crowded(t: Parameters<typeof scene>[0], limits: string) {
  let letGo = () => {}
  const gone = new Promise<string>(resolve => {
    letGo = () => resolve(answer(200, 'held'))
  })
  const set = await scene(
    t,
    ({ path }) => (path === '/held' ? gone : answer(200, 'yes')),
    `limits: ${limits}\n${oneRoute()}`,
  )
  return { ...set, held: `${set.upstream.url}/held`, letGo }
}

function open(t: Parameters<typeof scene>[0], { daemon }: Scene): Socket {
  const socket = connect(daemon.port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  return socket
}

function ask(socket: Socket, url: string): Promise<Answer> {
  const answered = readAnswer(socket)
  socket.write(requestBytes(url))
  return answered
}

/** What a request that is turned away gets. */
function checkRefusal(t: Parameters<typeof scene>[0], got: Answer, limit: string): void {
  t.equal(got.status, 503)
  t.equal(got.header('retry-after'), '1')
  t.match(got.header('proxy-status'), /error=proxy_internal_response/)
  t.match(problemOf(got), { code: 'overloaded', outcome: 'not-sent', retry_after: 1 })
  t.match(problemOf(got)['detail'], limit)
}

/** The next record that says so. */
async function logged({ daemon }: Scene, text: string): Promise<void> {
  while (!daemon.lines.some(({ msg }) => String(msg).startsWith(text))) await new Promise(setImmediate)
}

t.test(
  'T16: one client connection too many is told 503 and closed, whatever it asks, and the others are served',
  async t => {
    const set = await crowded(t, '{ connections: 4 }')
    const busy = Array.from({ length: 4 }, () => open(t, set))
    const answers = busy.map(socket => ask(socket, set.held))
    while (set.upstream.seen.length < 4) await new Promise(setImmediate)
    const url = `${set.upstream.url}/more`
    const asked = [
      requestBytes(url),
      requestBytes(url, { method: 'POST', body: 'x'.repeat(100_000) }),
      `CONNECT ${set.upstream.authority} HTTP/1.1\r\nHost: ${set.upstream.authority}\r\n\r\n`,
      `GET ${url} HTTP/1.1\r\nHost: ${set.upstream.authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    ]
    for (const bytes of asked) {
      const one = open(t, set)
      const closed = once(one, 'close')
      const answered = readAnswer(one)
      one.write(bytes)
      checkRefusal(t, await answered, 'limits.connections')
      await closed
      // The daemon has heard of it, too: a sixth connection would be told nothing.
      await until(() => set.daemon.daemon.holds().clients === 4)
    }
    set.letGo()
    t.strictSame(
      (await Promise.all(answers)).map(({ text }) => text),
      ['held', 'held', 'held', 'held'],
    )
    t.equal(set.upstream.seen.length, 4, 'nothing of them was sent')
  },
)

t.test('T16: connections that nobody uses make room for those that ask', async t => {
  // Who is held up for a quarter of a second may find that they are closed before they have asked.
  const { set, idle, statuses } = await undisturbed(async () => {
    const set = await crowded(t, '{ connections: 4 }')
    const idle = Array.from({ length: 4 }, () => open(t, set))
    // The oldest: as many as it takes to come below 92 of 100.
    const closed = once(idle[0] as Socket, 'close')
    const answers = await Promise.all(idle.map(socket => ask(socket, set.url)))
    await closed
    return { set, idle, statuses: answers.map(({ status }) => status) }
  }, 150)
  t.strictSame(statuses, [200, 200, 200, 200])
  await until(() => set.daemon.daemon.holds().clients === 3)
  t.equal((await request(set.daemon.port, set.url)).status, 200)
  t.equal(idle[3]?.destroyed, false)
})

t.test('T16: a client that begins requests and never ends them keeps nobody out', async t => {
  const set = await crowded(t, '{ connections: 8 }')
  const halves = Array.from({ length: 8 }, () => open(t, set))
  for (const socket of halves) socket.write('GET http://half.test/ HTTP/1.1\r\nHost: ha')
  await once(halves[0] as Socket, 'close')
  await until(() => set.daemon.daemon.holds().clients < 8)
  t.equal((await request(set.daemon.port, set.url)).status, 200)
})

t.test('T16: with memory short a tenth of the requests is let in, and one that comes alone always', async t => {
  const set = await crowded(t, '{ memory: 64MiB }')
  const first = open(t, set)
  const held = ask(first, set.held)
  while (set.upstream.seen.length < 1) await new Promise(setImmediate)
  await logged(set, 'overloaded')
  const turnedAway: Answer[] = []
  // The share falls with each look.
  for (let sent = 0; turnedAway.length < sent * 0.85 || sent < 50; sent++) {
    const got = await request(set.daemon.port, set.url)
    if (got.status !== 200) turnedAway.push(got)
  }
  checkRefusal(t, turnedAway[0] as Answer, 'limits.memory')
  t.equal(turnedAway.at(-1)?.header('connection'), 'close')
  set.letGo()
  const last = await held
  t.equal(last.text, 'held', 'what was let in is answered')
  t.equal(last.header('connection'), 'close')
  for (let i = 0; i < 5; i++) t.equal((await request(set.daemon.port, set.url)).status, 200, 'alone')
})

t.test('T16: while its event loop is late requests are turned away, and served again afterwards', async t => {
  const set = await crowded(t, '{ event_loop_lag: 50ms }')
  const held = ask(open(t, set), set.held)
  while (set.upstream.seen.length < 1) await new Promise(setImmediate)
  const block = (until: number) => {
    while (performance.now() < until);
  }
  const said = (text: string) => set.daemon.lines.filter(({ msg }) => String(msg).startsWith(text)).length
  let answers: readonly Answer[] = []
  // The share is that of the first quarter of a second: on a busy machine ten answers may take longer.
  for (let tries = 0, took = Number.POSITIVE_INFINITY; took > 200 && tries < 10; tries++) {
    await until(() => said('no longer overloaded') === tries)
    while (said('overloaded') === tries) {
      block(performance.now() + 400)
      await new Promise(setImmediate)
    }
    const since = performance.now()
    answers = await Promise.all(Array.from({ length: 10 }, () => request(set.daemon.port, set.url)))
    took = performance.now() - since
  }
  const refused = answers.filter(({ status }) => status === 503)
  t.equal(refused.length, 3, 'of ten, at the first sign')
  checkRefusal(t, refused[0] as Answer, 'limits.event_loop_lag')
  t.equal(refused[0]?.header('connection'), 'keep-alive', 'to come back on a connection that is there costs least')
  // What else runs on the machine may make it late again meanwhile.
  let overloads = 0
  let after: Answer
  do {
    await until(() => said('no longer overloaded') === said('overloaded'))
    overloads = said('overloaded')
    after = await request(set.daemon.port, set.url)
  } while (after.status !== 200 && said('overloaded') > overloads)
  t.equal(after.status, 200)
  set.letGo()
  t.equal((await held).text, 'held')
})
