import { networkInterfaces } from 'node:os'
import { type Test, test } from 'tap'
import { rawExchange, request } from '../support/client.js'
import { QUICK, startTestDaemon, type TestDaemon } from '../support/daemon.js'

const start = async (t: Test, config = QUICK, listen?: string): Promise<TestDaemon> => {
  const daemon = await startTestDaemon(config, listen)
  t.teardown(() => daemon.close())
  return daemon
}

/** Who the daemon is in `Via`, as any answer of an upstream shows it. */
async function pseudonymOf(daemon: TestDaemon, other: TestDaemon): Promise<string> {
  const via = (await request(daemon.port, `${other.url}/`)).header('via')
  return via?.split(' ').at(-1) ?? ''
}

test('rfc9110-7.6.3: a request that has our own Via is refused, one that only mentions us is not', async t => {
  const one = await start(t, 'routes: [{ name: all, match: { host: "*" }, retry: off, breaker: off }]')
  const other = await start(t)
  const name = await pseudonymOf(one, other)
  t.match(name, /^mulligan-/)
  const rows: [string, string, number][] = [
    ['first', `1.1 ${name}`, 508],
    ['behind another', `1.0 a, 1.1 ${name}`, 508],
    ['in capitals, with a comment', `1.1 ${name.toUpperCase()} (x)`, 508],
    ['with a protocol name', `HTTP/1.1 ${name}`, 508],
    ['in the second line', `1.1 a\r\nvia: 1.1 ${name}`, 508],
    ['in a comment', `1.1 a (1.1 ${name})`, 502],
    ['as part of a name', `1.1 ${name}x`, 502],
  ]
  for (const [where, via, status] of rows) {
    const answered = await request(one.port, 'http://127.0.0.1:9/', { fields: [`Via: ${via}`] })
    t.equal(answered.status, status, where)
    if (status === 508) t.match(answered.header('proxy-status'), /error=proxy_loop_detected/)
  }
})

test('F1: a loop over two daemons ends in 508 after one turn', async t => {
  const mountFor = (name: string, other: TestDaemon) => `
routes:
  - { name: ${name}, match: { host: 127.0.0.1 }, mount: /${name}, upstream: "${other.url}/${name}" }
`
  const one = await start(t)
  const other = await start(t)
  await one.reload(mountFor('round', other))
  await other.reload(mountFor('round', one))
  const answered = await request(one.port, '/round/x', { fields: ['Host: localhost'].slice(1) })
  t.equal(answered.status, 508)
  t.match(answered.text, /"code":"loop"/)
  await one.logged(1)
  await other.logged(1)
  const attempts = [...one.exchanges(), ...other.exchanges()].flatMap(exchange => exchange.attempts)
  t.equal(attempts.length, 2, 'each forwarded it once')
})

test('FP-09: the daemon does not dial its own listener, whatever it is called', async t => {
  const own = Object.values(networkInterfaces()).flatMap(list => list?.filter(entry => !entry.internal) ?? [])
  const lan = own.find(entry => entry.family === 'IPv4')?.address
  const open = `listen: { allow_from: [0.0.0.0/0, "::/0"] }\n${QUICK}`
  const rows: [listen: string, hosts: string[]][] = [
    ['127.0.0.1:0', ['127.0.0.1', 'localhost', 'LOCALHOST.', '0.0.0.0', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]']],
    ['[::1]:0', ['[::1]', '[::]', '[0:0:0:0:0:0:0:1]']],
    ['0.0.0.0:0', ['127.0.0.1', '127.9.9.9', '0.0.0.0', 'localhost', ...(lan ? [lan] : [])]],
    ['[::]:0', ['[::1]', '[::]', '127.0.0.1', 'localhost', ...(lan ? [lan] : [])]],
  ]
  for (const [listen, hosts] of rows) {
    const daemon = await start(t, open, listen)
    for (const host of hosts) {
      const text = `${host}:${daemon.port}`
      const where = listen.startsWith('[::1]') ? '::1' : '127.0.0.1'
      const forward = `GET http://${text}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
      t.match(await rawExchange(daemon.port, forward, where), /^HTTP\/1\.1 508 /, `${listen} GET ${host}`)
      const tunnel = `CONNECT ${text} HTTP/1.1\r\nHost: ${text}\r\n\r\n`
      t.match(await rawExchange(daemon.port, tunnel, where), /^HTTP\/1\.1 508 /, `${listen} CONNECT ${host}`)
    }
  }
})

test('FP-09: a route that leads to the daemon itself answers 508 instead of running in circles', async t => {
  const daemon = await start(t)
  await daemon.reload(`routes: [{ name: self, match: { host: a.test }, upstream: "${daemon.url}" }]`)
  t.equal((await request(daemon.port, 'http://a.test/')).status, 508)
})
