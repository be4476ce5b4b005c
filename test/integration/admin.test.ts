import { createServer } from 'node:net'
import t from 'tap'
import { startAdminServer } from '../../src/admin/server.js'
import { BindError } from '../../src/listener/doors.js'
import { millis } from '../../src/time/units.js'
import { rawExchange } from '../support/client.js'

const ANY = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const
const NO_CA = () => undefined
const FACTS = () => ({ proxy: [ANY], mounts: undefined, draining: false, uptime: millis(61_500), credentials: [] })

async function ask(port: number, path: string, ...fields: string[]): Promise<string> {
  const lines = [`GET ${path} HTTP/1.1`, ...fields, 'Connection: close']
  return rawExchange(port, `${lines.join('\r\n')}\r\n\r\n`)
}

t.test('health is good while it runs, readiness ends with draining', async t => {
  let ready = true
  const admin = await startAdminServer(ANY, () => ready, NO_CA, FACTS)
  t.teardown(admin.close)
  const { port } = admin.address as { port: number }
  t.match(await ask(port, '/healthz', 'Host: localhost'), /^HTTP\/1\.1 200 .*\{"status":"ok"\}$/s)
  t.match(await ask(port, '/readyz', 'Host: 127.0.0.1'), /^HTTP\/1\.1 200 .*"ready"/s)
  ready = false
  t.match(await ask(port, '/readyz', 'Host: [::1]'), /^HTTP\/1\.1 503 .*"draining"/s)
  t.match(await ask(port, '/healthz', 'Host: localhost'), /^HTTP\/1\.1 200 /)
})

t.test('a page under another name or from another site gets 403', async t => {
  const admin = await startAdminServer(ANY, () => true, NO_CA, FACTS)
  t.teardown(admin.close)
  const { port } = admin.address as { port: number }
  const rows = [
    ['Host: evil.example'],
    [`Host: evil.example:${port}`],
    ['Host: 127.1'],
    ['Host: localhost.evil.example'],
    ['Host: localhost', 'Sec-Fetch-Site: cross-site'],
    ['Host: localhost', 'Sec-Fetch-Site: same-site'],
    ['Host: localhost', 'Origin: http://evil.example'],
  ]
  for (const fields of rows) t.match(await ask(port, '/healthz', ...fields), /^HTTP\/1\.1 403 /, fields.join(', '))
})

t.test('a probe of a container reaches it under an address, a page under a public name does not', async t => {
  const admin = await startAdminServer({ ...ANY, host: '0.0.0.0' }, () => true, NO_CA, FACTS)
  t.teardown(admin.close)
  const { port } = admin.address as { port: number }
  t.match(await ask(port, '/healthz', 'Host: 10.1.2.3:8403'), /^HTTP\/1\.1 200 /)
  t.match(await ask(port, '/healthz', 'Host: evil.example'), /^HTTP\/1\.1 403 /)
})

t.test('FP-21: /ca.pem gives the certificate as it is now to everyone who names the port rightly', async t => {
  let pem: string | undefined
  const admin = await startAdminServer(
    ANY,
    () => false,
    () => pem,
    FACTS,
  )
  t.teardown(admin.close)
  const { port } = admin.address as { port: number }
  t.match(await ask(port, '/ca.pem', 'Host: localhost'), /^HTTP\/1\.1 404 .*"No TLS is intercepted here"/s)
  pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
  const answer = await ask(port, '/ca.pem', 'Host: localhost')
  t.match(answer, /^HTTP\/1\.1 200 .*\r\ncontent-type: application\/x-pem-file(?:; charset=utf-8)?\r\n/is)
  t.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), pem)
  t.match(await ask(port, '/ca.pem', 'Host: evil.example'), /^HTTP\/1\.1 403 /)
})

t.test('/v1/status says what the daemon is, to the same as the others', async t => {
  const admin = await startAdminServer(ANY, () => true, NO_CA, FACTS)
  t.teardown(admin.close)
  const { port } = admin.address as { port: number }
  const answer = await ask(port, '/v1/status', 'Host: localhost')
  t.match(answer, /^HTTP\/1\.1 200 .*\r\ncontent-type: application\/json/is)
  t.match(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))), {
    version: /^\d+\.\d+\.\d+/,
    pid: process.pid,
    uptime_s: 61,
    draining: false,
    proxy: ['http://127.0.0.1:0'],
    mounts: 'same',
    credentials: [],
  })
  t.match(await ask(port, '/v1/credentials', 'Host: localhost'), /^HTTP\/1\.1 200 .*\{"credentials":\[\]\}$/s)
  t.match(await ask(port, '/v1/status', 'Host: evil.example'), /^HTTP\/1\.1 403 /)
  t.match(await ask(port, '/v1/credentials', 'Host: localhost', 'Origin: http://evil.example'), /^HTTP\/1\.1 403 /)
})

t.test('a taken admin address is a BindError that says what to choose', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  await t.rejects(
    startAdminServer({ ...ANY, port }, () => true, NO_CA, FACTS),
    BindError,
  )
  await t.rejects(
    startAdminServer({ ...ANY, port }, () => true, NO_CA, FACTS),
    /--admin off/,
  )
})
