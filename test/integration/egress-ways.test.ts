import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { readAnswer, request, requestBytes } from '../support/client.js'
import type { TestDaemon } from '../support/daemon.js'
import { daemonFor, leadTo, serve, through } from '../support/next-hop.js'
import { freePort, openTunnel } from '../support/tunnel.js'
import { answer, type TestUpstream } from '../support/upstream.js'

const turn = () => new Promise(resolve => setImmediate(resolve))

/** A proxy that tells how it was asked, for whole requests and for tunnels. */
const telling = (t: Test, name: string): Promise<TestUpstream> =>
  serve(t, ({ method }, socket) => {
    if (method !== 'CONNECT') return answer(200, name)
    socket.end(`HTTP/1.1 200 OK\r\n\r\n${name}`)
    return undefined
  })

async function tunnelStatus(daemon: TestDaemon, authority: string): Promise<number> {
  const { socket, status } = await openTunnel(daemon.port, authority)
  socket.destroy()
  return status
}

test('FP-29: hosts of no_proxy are reached straight', async t => {
  const origin = await serve(t, () => answer(200, 'origin'))
  const proxy = await telling(t, 'proxy')
  const daemon = await daemonFor(
    t,
    through(`proxy: "${proxy.url}", no_proxy: "localhost:${origin.port}, 127.0.0.0/8 *.straight.test"`),
  )
  t.equal((await request(daemon.port, `http://127.0.0.1:${origin.port}/`)).text, 'origin')
  t.equal((await request(daemon.port, `http://localhost:${origin.port}/`)).text, 'origin')
  t.equal((await request(daemon.port, 'http://localhost:9/')).text, 'proxy', 'the entry names another port')
  t.equal((await request(daemon.port, 'http://straight.test/')).text, 'proxy', 'the apex is not meant')
  t.equal(await tunnelStatus(daemon, origin.authority), 200)
  t.equal(proxy.seen.length, 2)
  t.equal(await tunnelStatus(daemon, 'a.test:443'), 200)
  t.equal(proxy.seen.length, 3)
})

test('T7: an address that is denied is denied through the proxy too; the proxy itself may be in a denied network', async t => {
  const proxy = await telling(t, 'proxy')
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}", deny: [127.0.0.0/8, 10.0.0.0/8]`))
  for (const host of ['169.254.169.254', '10.1.2.3', '[fe80::1]', '[::ffff:10.1.2.3]', '127.0.0.1']) {
    t.match((await request(daemon.port, `http://${host}/`)).header('proxy-status'), /error=destination_ip_prohibited/)
    t.equal(await tunnelStatus(daemon, `${host}:443`), 403)
  }
  t.equal(proxy.connections(), 0)
  t.equal((await request(daemon.port, 'http://a.test/')).text, 'proxy')
})

test('FP-09: the own listener as the next hop is 508, and is never dialled', async t => {
  const daemon = await daemonFor(t)
  for (const host of ['127.0.0.1', 'localhost']) {
    await daemon.reload(through(`proxy: "http://${host}:${daemon.port}"`))
    const before = daemon.exchanges().length
    for (const url of ['http://a.test/', 'http://secure.test/']) {
      const refused = await request(daemon.port, url)
      t.equal(refused.status, 508)
      t.match(refused.text, /"detail":"egress proxy: the destination is this proxy"/)
    }
    t.equal(await tunnelStatus(daemon, 'a.test:443'), 508)
    const logged = await daemon.logged(before + 3)
    t.equal(logged.length, before + 3, 'no exchange but those of the client')
  }
})

test('FP-09: two daemons that are each the next hop of the other answer 508 after one turn', async t => {
  const one = await daemonFor(t)
  const other = await daemonFor(t, through(`proxy: "${one.url}"`))
  await one.reload(through(`proxy: "${other.url}"`))
  t.equal((await request(one.port, 'http://a.test/')).status, 508)
  t.equal((await request(one.port, 'http://secure.test/')).status, 508)
  t.equal(await tunnelStatus(one, 'a.test:443'), 508)
  const turns = [...(await one.logged(6)), ...(await other.logged(3))]
  t.equal(turns.length, 9, 'the first daemon saw each request twice')
  t.equal(turns.flatMap(({ attempts }) => attempts).length, 6, 'and each daemon sent it on once')
})

test('egress.proxy: env obeys the variables of the daemon; without it they mean nothing', async t => {
  const [http, https] = [await telling(t, 'http'), await telling(t, 'https')]
  const origin = await serve(t, () => answer(200, 'origin'))
  const env = {
    ...process.env,
    http_proxy: http.url,
    HTTP_PROXY: 'http://127.0.0.1:9',
    https_proxy: https.url,
    NO_PROXY: `other.test,127.0.0.1:${origin.port}`,
    no_proxy: '',
  }
  const daemon = await daemonFor(t, through('proxy: env'), env)
  t.equal((await request(daemon.port, 'http://a.test/')).text, 'http')
  t.equal((await request(daemon.port, `${origin.url}/`)).text, 'origin')
  t.equal(await tunnelStatus(daemon, 'a.test:443'), 200)
  t.equal(https.seen[0]?.path, 'a.test:443')
  const deaf = await daemonFor(t, undefined, env)
  const nobody = `http://127.0.0.1:${await freePort()}/`
  t.match((await request(deaf.port, nobody)).header('proxy-status'), /error=connection_refused/)
  await deaf.reload(through('proxy: env'))
  t.equal((await request(deaf.port, nobody)).text, 'http', 'until a reload asks for them')
})

test('F7: a reload changes the way of the next request; what was open on the old one is not used again', async t => {
  let finish = (_text: string) => undefined as unknown
  const old = await serve(t, ({ path }, socket) => {
    if (!path.endsWith('/slow')) return answer(200, 'old')
    finish = text => socket.write(text)
    return undefined
  })
  const next = await telling(t, 'next')
  const daemon = await daemonFor(t, through(`proxy: "${old.url}"`))
  const get = async () => (await request(daemon.port, 'http://a.test/')).text
  t.equal(await get(), 'old')
  const client = connect(daemon.port, '127.0.0.1')
  client.write(requestBytes('http://a.test/slow'))
  while (old.seen.length < 2) await turn()
  await daemon.reload(through(`proxy: "${next.url}"`))
  t.equal(await get(), 'next')
  finish(answer(200, 'slow'))
  t.equal((await readAnswer(client)).text, 'slow', 'a running exchange ends as it began')
  client.destroy()
  t.equal(await get(), 'next')
  while (old.open() > 0) await turn()
  t.equal(next.connections(), 1)
  await daemon.reload(through('proxy: off'))
  t.equal(await tunnelStatus(daemon, old.authority), 200)
  t.equal((await request(daemon.port, `${old.url}/`)).text, 'old')
  t.equal(next.seen.length, 2)
})

test('a reload with a proxy that cannot be had is refused, and the old way holds', async t => {
  const proxy = await telling(t, 'proxy')
  const env = { ...process.env, all_proxy: 'socks5://127.0.0.1:9' }
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}"`), env)
  await t.rejects(daemon.reload(through('proxy: env')), /all_proxy: .* is a SOCKS proxy/)
  await t.rejects(
    daemon.reload(through('proxy: { url: "http://x.test", username: { env: NOT_SET_ANYWHERE } }')),
    /NOT_SET_ANYWHERE is not set/,
  )
  t.equal((await request(daemon.port, 'http://a.test/')).text, 'proxy')
})

test('two ways through one proxy: a tunnel is not taken for a whole request, nor the other way round', async t => {
  const origin = await serve(t, ({ path }) => answer(200, `origin ${path}`))
  const proxy = await serve(t, ({ method, path }, socket) =>
    method === 'CONNECT' ? leadTo(socket, origin.port) : answer(200, `proxy ${path}`),
  )
  const daemon = await daemonFor(t, through(`proxy: "${proxy.url}"`))
  const { socket } = await openTunnel(daemon.port, 'a.test:80')
  socket.write('GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.equal((await readAnswer(socket)).text, 'origin /1')
  socket.destroy()
  t.equal((await request(daemon.port, 'http://a.test/2')).text, 'origin /2', 'the tunnel was kept, and is one')
  t.equal((await request(daemon.port, 'http://b.test/3')).text, 'proxy http://b.test/3')
})
