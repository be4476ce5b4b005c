import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import { QUICK, startTestDaemon, type TestDaemon } from '../support/daemon.js'
import { interceptedScene } from '../support/intercepted.js'
import { scriptNames } from '../support/names.js'
import { openTunnel, startRawServer } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

const DRAIN = 'shutdown: { drain: 5s }\n'
/** Asks for a name again and again. */
const PATIENT = `
routes:
  - name: all
    match: { host: "*" }
    retry: { attempts: 20, backoff: { base: 200ms, cap: 400ms } }
`
const UNROUTED = 'routes: [{ name: other, match: { host: other.test } }]\n'

async function startFor(t: Test, routes: string) {
  const daemon = await startTestDaemon(`${DRAIN}${routes}`)
  t.teardown(() => daemon.close())
  return daemon
}

/** Ends when the other side does. */
function closed(socket: Socket): Promise<unknown> {
  socket.on('end', () => socket.end()).resume()
  return once(socket, 'close')
}

/** @param open a daemon, and a tunnel through it in which nobody has spoken */
async function expectEnd(t: Test, open: () => Promise<{ daemon: TestDaemon; socket: Socket }>): Promise<void> {
  const { isClean, after } = await undisturbed(async () => {
    const { daemon, socket } = await open()
    const gone = closed(socket)
    const from = performance.now()
    const isClean = await daemon.daemon.drain()
    const after = performance.now() - from
    await gone
    return { isClean, after }
  }, 500)
  t.equal(isClean, true, 'nothing was cut')
  t.ok(after < 3_000, 'and long before shutdown.drain')
}

test('F7: a tunnel in which nobody has spoken does not hold up the end, whether its bytes would be looked at or not', async t => {
  for (const routes of [QUICK, UNROUTED]) {
    await expectEnd(t, async () => {
      const server = await startRawServer(t)
      const daemon = await startFor(t, routes)
      const { socket, status } = await openTunnel(daemon.port, server.authority)
      t.equal(status, 200)
      await server.accepted()
      return { daemon, socket }
    })
  }
})

test('F7: an intercepted tunnel in which nobody has spoken does not hold up the end', async t => {
  await expectEnd(t, async () => {
    const { daemon, yaml } = await interceptedScene(t, () => answer(200, 'ok'))
    await daemon.reload(`${DRAIN}${yaml('  - { name: api, match: { host: api.test } }\n')}`)
    const { socket, status } = await openTunnel(daemon.port, 'api.test:443')
    t.equal(status, 200)
    return { daemon, socket }
  })
})

test('F7: a tunnel in which somebody has spoken stays until it is over, whoever it was', async t => {
  for (const routes of [QUICK, UNROUTED]) {
    for (const greeting of ['', '220 welcome\r\n']) {
      const server = await startRawServer(t, socket => {
        if (greeting !== '') socket.write(greeting)
        socket.on('data', data => socket.write(data)).on('end', () => socket.end())
      })
      const daemon = await startFor(t, routes)
      const { socket } = await openTunnel(daemon.port, server.authority)
      if (greeting === '') t.equal(await echoed(socket, '\0before'), '\0before')
      else t.equal(String(await nextData(socket)), greeting)
      const silent = await openTunnel(daemon.port, (await startRawServer(t)).authority)
      const drained = daemon.daemon.drain()
      await closed(silent.socket)
      t.equal(await echoed(socket, '\0after'), '\0after', 'after others were closed')
      socket.end()
      await closed(socket)
      t.equal(await drained, true)
    }
  }
})

async function nextData(socket: Socket): Promise<unknown> {
  const [data] = await once(socket, 'data')
  return data
}

async function echoed(socket: Socket, text: string): Promise<string> {
  const came = nextData(socket)
  socket.write(text)
  return String(await came)
}

test('F7: who has its tunnel only during the shutdown has time to speak in it', async t => {
  const upstream = await startRawServer(t, socket => void socket.once('data', () => socket.write(answer(200, 'ok'))))
  const names = scriptNames(t)
  names.fail('late.test', 'EAI_AGAIN')
  const daemon = await startFor(t, PATIENT)
  const opening = openTunnel(daemon.port, `late.test:${upstream.port}`)
  const silent = await openTunnel(daemon.port, (await startRawServer(t)).authority)
  const drained = daemon.daemon.drain()
  await closed(silent.socket)
  names.answer('late.test', ['127.0.0.1'])
  const { socket } = await opening
  const answered = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: late.test:${upstream.port}\r\n\r\n`)
  t.match(await answered, { status: 200, text: 'ok', broken: false })
  t.equal(await drained, true)
})

test('F7: a request in a tunnel that stood before the shutdown is answered when it comes at once', async t => {
  const upstream = await startRawServer(t, socket => void socket.once('data', () => socket.write(answer(200, 'ok'))))
  const daemon = await startFor(t, QUICK)
  const { socket } = await openTunnel(daemon.port, upstream.authority)
  const drained = daemon.daemon.drain()
  const answered = readAnswer(socket)
  socket.write(`GET / HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`)
  t.match(await answered, { status: 200, text: 'ok', broken: false })
  t.equal(await drained, true)
})

test('F7: what was sent before its connection is closed is answered, also when the process was held up meanwhile', async t => {
  const upstream = await startUpstream(() => answer(200, 'in time'))
  t.teardown(() => upstream.close())
  const { ask, drained } = await untilNobodyListens(t, upstream.url)
  const second = ask()
  for (const until = performance.now() + 300; performance.now() < until; );
  t.match(await second, { status: 200, text: 'in time', broken: false })
  t.equal(await drained, true)
})

/** A daemon that has just begun to drain, and one who asks on an old connection of his. */
async function untilNobodyListens(t: Test, url: string, tries = 8) {
  const daemon = await startFor(t, QUICK)
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const ask = () => {
    const answered = readAnswer(socket)
    socket.write(requestBytes(`${url}/`))
    return answered
  }
  t.equal((await ask()).text, 'in time')
  const drained = daemon.daemon.drain()
  // Idle connections are closed a tenth of a second after nobody listens any more: who is held up comes too late.
  for (let listened = performance.now(); ; await new Promise(setImmediate)) {
    const now = performance.now()
    if ((await request(daemon.port, `${url}/`)).status !== 0) listened = now
    else if (performance.now() - listened < 80 || tries === 1) return { ask, drained }
    else return untilNobodyListens(t, url, tries - 1)
  }
}
