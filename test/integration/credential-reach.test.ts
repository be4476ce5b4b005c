import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { answer, startUpstream } from '../support/upstream.js'

const LAN = Object.values(networkInterfaces())
  .flatMap(list => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address
const noLan = LAN === undefined && 'this machine has no address but its loopback'

/** A server that other machines could reach, without TLS. */
async function lanServer(t: Test) {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer(({ headers }, reply) => {
    seen.push(headers)
    reply.end('in the clear')
  })
  server.listen(0, LAN)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { seen, port, url: `http://${LAN}:${port}/` }
}

async function daemonWith(t: Test, settings: string, match: string) {
  const yaml = (more: string) => `
credentials: { vendor: { source: { env: TOKEN }, ${more} } }
routes: [{ name: api, match: { ${match} }, credential: vendor }, { name: all, match: { host: "*" } }]
`
  const daemon = await startTestDaemon(yaml(settings), '127.0.0.1:0', { ...process.env, TOKEN: 'of-the-vendor' })
  t.teardown(daemon.close)
  return { daemon, set: (more: string) => daemon.reload(yaml(more)) }
}

test('T5: a token is not sent in the clear to another machine, unless the operator says so', {
  skip: noLan,
}, async t => {
  const { seen, port, url } = await lanServer(t)
  const { daemon, set } = await daemonWith(t, '', `host: ${LAN}, port: ${port}`)
  t.equal((await request(daemon.port, url)).text, 'in the clear', 'the request goes, the token does not')
  const own = { fields: ['Authorization: Bearer own'] }
  t.equal((await request(daemon.port, url, own)).text, 'in the clear')
  t.strictSame(
    seen.map(({ authorization }) => authorization),
    [undefined, 'Bearer own'],
  )
  t.notOk(
    daemon.lines.some(({ msg }) => msg === 'refresh'),
    'nor is one fetched',
  )
  await set('allow_cleartext: true')
  t.equal((await request(daemon.port, url, own)).text, 'in the clear')
  t.equal(seen[2]?.authorization, 'Bearer of-the-vendor')
})

test('T5: a redirect to another origin is the client’s business, and takes no token along', async t => {
  const other = await startUpstream(() => answer(200, 'elsewhere'))
  const api = await startUpstream(() => answer(307, '', `Location: ${other.url}/there`))
  t.teardown(() => Promise.all([api.close(), other.close()]))
  const { daemon } = await daemonWith(t, '', `host: 127.0.0.1, port: ${api.port}`)
  const got = await request(daemon.port, `${api.url}/here`)
  t.equal(got.status, 307)
  t.equal(api.seen[0]?.header('authorization'), 'Bearer of-the-vendor')
  t.equal(other.seen.length, 0, 'nothing is followed')
  t.equal((await request(daemon.port, got.header('location') ?? '')).text, 'elsewhere')
  t.notMatch(other.seen[0]?.head, /of-the-vendor|authorization/i)
})

test('T5: whatever a redirect says, to another port, name or scheme, it is passed on and not followed', async t => {
  const other = await startUpstream(() => answer(200, 'elsewhere'))
  const places = [other.url, `http://localhost:${other.port}`, `https://127.0.0.1:${other.port}`, '//localhost/x']
  const api = await startUpstream(({ head }) => {
    const [, status = '', place = ''] = /^GET \/(\d+)\/(\d)/.exec(head) ?? []
    return answer(Number(status), '', `Location: ${places[Number(place)]}`)
  })
  t.teardown(() => Promise.all([api.close(), other.close()]))
  const { daemon } = await daemonWith(t, '', `host: 127.0.0.1, port: ${api.port}`)
  for (const status of [301, 302, 303, 307, 308]) {
    for (const [index, place] of places.entries()) {
      const got = await request(daemon.port, `${api.url}/${status}/${index}`)
      t.strictSame([got.status, got.header('location')], [status, place])
    }
  }
  t.equal(api.seen.length, 5 * places.length)
  t.equal(other.connections(), 0)
})
