import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { startChildDaemon } from '../support/child-daemon.js'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { oneRoute, scene } from '../support/scene.js'
import { readToEnd } from '../support/tunnel.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

const notLinux = process.platform !== 'linux' && 'the limit of open files is read on Linux only'

/** A client that says what it is given, a byte each time, for as long as it may. */
function drip(t: Test, port: number, start: string, rest: string, every: number) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const openedAt = performance.now()
  socket.write(start)
  let at = 0
  const timer = setInterval(() => {
    if (at < rest.length && socket.writable) socket.write(rest.charAt(at++))
  }, every)
  t.teardown(() => {
    clearInterval(timer)
    socket.destroy()
  })
  const text = readToEnd(socket).then(bytes => ({ text: bytes.toString(), after: performance.now() - openedAt }))
  return { socket, text }
}

test('T16: a head that is not there in 10 s is 408 and a closed connection, however it comes; others are served meanwhile', async t => {
  const { upstream, daemon, url } = await scene(t, () => answer(200, 'in'))
  const head = `GET ${url} HTTP/1.1\r\nHost: a.test\r\n`
  const endless = 'X-Slow: '.padEnd(1_000, 'x')
  const attack = async () => {
    const slow = [
      drip(t, daemon.port, head, '', 1_000),
      drip(t, daemon.port, 'GET http://', '', 1_000),
      drip(t, daemon.port, head, endless, 500),
      drip(t, daemon.port, 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n', endless, 500),
      drip(t, daemon.port, '', `GET ${url} HTTP/1.1\r\n${endless}`, 1_000),
    ]
    const silent = drip(t, daemon.port, '', '', 1_000)
    const crowd = Array.from({ length: 300 }, () => drip(t, daemon.port, head, '', 1_000))
    const asked = upstream.seen.length
    const { text } = await request(daemon.port, url)
    const ends = await Promise.all([...slow, ...crowd].map(client => client.text))
    return { text, ends, silence: (await silent.text).after, asked: upstream.seen.length - asked }
  }
  // Each takes ten seconds; a machine that stands still adds to them.
  const { text, ends, silence, asked } = await undisturbed(attack, 500, 3)
  t.equal(text, 'in', 'beside 300 of them')
  for (const { text, after } of ends) {
    if (!/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/.test(text) || after < 9_000 || after > 13_000) {
      t.fail(`after ${Math.round(after)} ms: ${text.slice(0, 60)}`)
    }
  }
  t.ok(silence < 13_000, 'nor may one stay without a word')
  t.equal(asked, 1)
  t.equal((await request(daemon.port, url)).text, 'in')
})

test('T16: half a body is 408 after timeout.idle, and its upstream is let go; nothing of it becomes a request', async t => {
  const settings = ['timeout: { idle: 1s }', 'retry: off']
  const { upstream, daemon, url } = await scene(t, () => answer(200, 'in'), oneRoute(...settings))
  const head = (fields: string) => `POST ${url} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n\r\n`
  const stopped = [
    drip(t, daemon.port, `${head('Content-Length: 1000')}half`, '', 1_000),
    drip(t, daemon.port, `${head('Transfer-Encoding: chunked')}4\r\nhalf\r\n`, '', 1_000),
    drip(t, daemon.port, `${head('Transfer-Encoding: chunked')}ff`, '', 1_000),
  ]
  for (const { text } of await Promise.all(stopped.map(client => client.text))) t.match(text, /^HTTP\/1\.1 408 /)
  const whole = () => upstream.seen.filter(({ body }) => body.length === 8).length
  const moved = await undisturbed(async () => {
    const before = whole()
    const { socket, text } = drip(t, daemon.port, head('Content-Length: 8'), 'GET / HT', 300)
    socket.on('data', () => socket.end())
    return { text: (await text).text, came: whole() - before }
  }, 300)
  t.match(moved.text, /^HTTP\/1\.1 200 /, 'a slow one that moves is no attack by itself')
  t.equal(moved.came, 1)
  t.equal((await request(daemon.port, url)).text, 'in')
})

test('T16: with 256 open files and 1,000 clients the surplus is closed, who is in is served, and it recovers', {
  skip: notLinux,
}, async t => {
  const upstream = await startUpstream(() => answer(200, 'in'))
  t.teardown(() => upstream.close())
  const daemon = await startChildDaemon(t, oneRoute('retry: off'), 'ulimit -n 256;')
  const url = `${upstream.url}/`
  const clients: Socket[] = []
  const closed: Promise<unknown>[] = []
  for (let i = 0; i < 1_000; i++) {
    const socket = connect(daemon.port, '127.0.0.1')
    socket.on('error', () => undefined)
    closed.push(new Promise(resolve => socket.once('close', resolve)))
    clients.push(socket.resume())
    if (i % 50 === 49) await once(socket, 'connect').catch(() => undefined)
  }
  let gone = 0
  for (const one of closed) one.then(() => gone++)
  await until(() => clients.filter(socket => !socket.destroyed).length <= 128)
  t.match(await toldInside(clients, url), /^HTTP\/1\.1 200 /, 'who is in is served: there are files left for upstreams')
  for (const socket of clients) socket.destroy()
  await Promise.all(closed)
  t.equal(gone, 1_000)
  t.equal((await served(daemon.port, url)).text, 'in')
})

/**
 * What the first of those is told who are in. Which ones these are is for the daemon to say: who has said nothing for a
 * while makes room for others, and the last ones are in only to be told that there are too many.
 */
async function toldInside(clients: readonly Socket[], url: string): Promise<string> {
  for (const socket of clients) {
    if (socket.destroyed) continue
    const told = new Promise<string>(resolve => {
      socket.once('data', bytes => resolve(String(bytes))).once('close', () => resolve(''))
    })
    socket.write(`GET ${url} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    const said = await told
    if (said !== '' && !said.includes('"code":"overloaded"')) return said
  }
  return 'nobody is in'
}

/** The daemon hears of closed connections one after the other, and until then has no room: it hangs up or says 503. */
async function served(port: number, url: string): Promise<{ text: string }> {
  for (;;) {
    const { status, text } = await request(port, url)
    if (status !== 0 && status !== 503) return { text }
  }
}
