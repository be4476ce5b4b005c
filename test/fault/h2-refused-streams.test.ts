import t, { type Test } from 'tap'
import { type Answer, request } from '../support/client.js'
import { lanesFor, problemOf } from '../support/client-lane.js'
import { crowd } from '../support/crowd.js'
import { CODE, type Frame, type FramePeer, goaway, okay, reset, startFrameServer, TYPE } from '../support/h2-frames.js'
import { h2Daemon, reply, startH2Upstream } from '../support/h2-upstream.js'
import { certificate } from '../support/next-hop.js'

const REFUSED_STREAM = 7
const HTTP_1_1_REQUIRED = 13

for (const method of ['GET', 'POST']) {
  t.test(`R1: a tenth of 1,000 ${method} streams is refused, every request acts once`, async t => {
    const acted = new Map<string, number>()
    const refused = new Set<string>()
    const upstream = await startH2Upstream(t, (stream, { path, number }) => {
      if (number % 10 === 0 && !refused.has(path)) {
        refused.add(path)
        return stream.close(REFUSED_STREAM)
      }
      acted.set(path, (acted.get(path) ?? 0) + 1)
      stream.resume()
      stream.on('end', () => reply(stream, path))
    })
    const daemon = await h2Daemon(t)
    const lanes = lanesFor(t, daemon.port, 100)
    const options = method === 'POST' ? { method, body: 'x' } : {}
    const got = await crowd(1_000, 100, (index, lane) => ask(lanes, lane, `${upstream.url}/${index}`, options))
    t.equal(got.filter(({ status, text }, index) => status === 200 && text === `/${index}`).length, 1_000)
    t.equal(acted.size, 1_000)
    t.ok([...acted.values()].every(count => count === 1))
    t.ok(refused.size >= 90, `${refused.size} were refused`)
    t.ok(upstream.connections() <= 3, `${upstream.connections()} connections`)
    const records = await daemon.logged(1_000)
    t.equal(records.filter(({ attempts }) => attempts[0]?.why === 'never-sent').length, refused.size)
  })
}

const ask = (lanes: ReturnType<typeof lanesFor>, lane: number, url: string, options: object): Promise<Answer> =>
  lanes[lane]?.ask(url, options) ?? Promise.reject(new RangeError('no such lane'))

type Act = (peer: FramePeer) => void

/**
 * A first request warms the connection (stream 1); the next ones come together. When the last of them is here, `act`
 * decides. Later connections answer everything.
 */
async function together(t: Test, requests: readonly string[], act: Act, tries = 5) {
  for (; tries > 0; tries--) {
    const played = await playTogether(t, requests, act)
    if (played !== undefined) return played
  }
  throw new Error('the requests did not come together')
}

/** @returns undefined when the machine stood still meanwhile: a connection silent for a second is given no POST */
async function playTogether(t: Test, requests: readonly string[], act: Act) {
  const last = 1 + 2 * requests.length
  let acted = false
  let stray = (): void => undefined
  const strayed = new Promise<'strayed'>(resolve => (stray = () => resolve('strayed')))
  const onFrame = ({ type, stream }: Frame, peer: FramePeer) => {
    if (type !== TYPE.headers) return
    if (peer.number > 1 && !acted) stray()
    if (peer.number > 1 || stream === 1) return peer.send(okay(stream, `from ${peer.number}`))
    if (stream !== last) return
    acted = true
    act(peer)
  }
  const server = await startFrameServer(t, { onFrame }, certificate)
  const daemon = await h2Daemon(t)
  t.equal((await request(daemon.port, server.url)).status, 200)
  const answers: Promise<Answer>[] = []
  for (const method of requests) {
    // One by one, so that their order is that of their streams.
    answers.push(request(daemon.port, server.url, method === 'POST' ? { method, body: 'x' } : {}))
    const opened = 1 + 2 * answers.length
    const came = server.peer(1).next(({ type, stream }) => type === TYPE.headers && stream === opened)
    if ((await Promise.race([came, strayed])) === 'strayed') return undefined
  }
  const records = async () => (await daemon.logged(1 + requests.length)).slice(1)
  return { answers: await Promise.all(answers), server, records }
}

t.test('RFC 9113 §6.8: what is above the id of a GOAWAY goes to a new connection, the rest is answered', async t => {
  const requests = ['GET', 'POST', 'GET', 'POST', 'GET', 'POST']
  const { answers, server, records } = await together(t, requests, peer => {
    peer.send(goaway(7, CODE.none), okay(3, 'from 1'), okay(5, 'from 1'), okay(7, 'from 1'))
  })
  t.same(
    answers.map(({ text }) => text),
    ['from 1', 'from 1', 'from 1', 'from 2', 'from 2', 'from 2'],
  )
  t.equal(server.connections(), 2)
  const attempts = (await records()).flatMap(({ attempts }) => attempts)
  t.equal(attempts.filter(({ why }) => why === 'never-sent').length, 3)
})

t.test('R1: GOAWAY with an error: at or below its id a GET is repeated, a POST may have acted', async t => {
  const { answers, server } = await together(t, ['GET', 'POST', 'GET', 'POST'], peer => {
    peer.send(goaway(5, CODE.internal))
  })
  t.same(
    answers.map(({ status }) => status),
    [200, 502, 200, 200],
  )
  if (answers[1]) t.match(problemOf(answers[1]), { code: 'reset', outcome: 'unknown', detail: /INTERNAL_ERROR/ })
  t.ok(server.connections() <= 3)
})

t.test('R1: a connection that dies silently under its streams: GETs are repeated for free, on one new one', async t => {
  const { answers, server, records } = await together(t, ['GET', 'GET', 'POST', 'GET', 'GET'], peer => {
    peer.socket.destroy()
  })
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 502, 200, 200],
  )
  if (answers[2]) t.match(problemOf(answers[2]), { code: 'reset', outcome: 'unknown' })
  t.equal(server.connections(), 2)
  const whys = (await records()).filter(({ method }) => method === 'GET').map(({ attempts }) => attempts[0]?.why)
  t.same(whys, ['stale-connection', 'stale-connection', 'stale-connection', 'stale-connection'])
})

t.test('R1: another reset of one stream may have come after its effect; the siblings do not notice', async t => {
  for (const code of [CODE.none, CODE.cancel, CODE.internal, CODE.calm]) {
    const { answers, server } = await together(t, ['GET', 'POST', 'GET'], peer => {
      peer.send(reset(3, code), reset(5, code), okay(7, 'from 1'))
    })
    t.same(
      answers.map(({ status }) => status),
      [200, 502, 200],
      `code ${code}`,
    )
    t.equal(answers[2]?.text, 'from 1')
    t.equal(server.connections(), 2, 'the repeat goes on a new connection')
  }
})

t.test('a graceful GOAWAY lets all streams end, and what comes next goes to a new connection', async t => {
  const { answers, server } = await together(t, ['GET', 'POST'], peer => {
    peer.send(goaway(2 ** 31 - 1, CODE.none))
    peer.send(goaway(5, CODE.none), okay(3, 'from 1'), okay(5, 'from 1'))
  })
  t.same(
    answers.map(({ text }) => text),
    ['from 1', 'from 1'],
  )
  await server.peer(1).closed
  t.equal(server.connections(), 1)
})

t.test('HTTP_1_1_REQUIRED: the same request goes over HTTP/1.1, and so do all that follow', async t => {
  let streams = 0
  const upstream = await startH2Upstream(
    t,
    stream => {
      streams++
      stream.close(HTTP_1_1_REQUIRED)
    },
    { allowHTTP1: true },
  )
  upstream.onHttp1((seen, answer) => {
    seen.resume()
    answer.end(`h1 ${seen.method}`)
  })
  const daemon = await h2Daemon(t)
  t.equal((await request(daemon.port, upstream.url, { method: 'POST', body: 'x' })).text, 'h1 POST')
  t.equal((await request(daemon.port, upstream.url)).text, 'h1 GET')
  t.equal(streams, 1)
})
