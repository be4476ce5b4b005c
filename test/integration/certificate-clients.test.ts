import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { LeafContexts } from '../../src/certificate/leaf-contexts.js'
import { createCa } from '../../src/certificate/local-ca.js'
import { systemClock } from '../../src/time/clock.js'
import { clientEnv, isInstalled, TLS_CLIENTS } from '../support/tls-clients.js'
import { startTlsEnd } from '../support/tls-end.js'

const run = promisify(execFile)

const LONGEST = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
const NAMES = ['api.example.com', 'localhost', 'xn--bcher-kva.example', 'a_b.example.com', LONGEST]
const ADDRESSES = ['127.0.0.1', '10.1.2.3', '::1', '2001:db8::7']
const HOSTS = [...NAMES, ...ADDRESSES]

async function endFor(t: Test, limit: readonly string[] | undefined) {
  const ca = await createCa(limit, systemClock)
  const dir = t.testdir({ 'ca.pem': ca.pem })
  return { port: await startTlsEnd(t, new LeafContexts(ca, systemClock)), caFile: join(dir, 'ca.pem'), dir }
}

for (const { name, probe, visit, cannotAsk, heedsConstraints } of TLS_CLIENTS) {
  const skip = (await isInstalled(probe)) ? {} : { skip: `${probe[0]} is not installed` }
  const hosts = HOSTS.filter(host => !cannotAsk.includes(host))

  test(
    `F4: ${name} takes a certificate without a subject for every kind of host, with and without constraints`,
    skip,
    async t => {
      for (const limit of [undefined, HOSTS]) {
        const { port, caFile, dir } = await endFor(t, limit)
        const said = await visit(port, caFile, hosts, dir)
        t.strictSame(
          [...said],
          hosts.map(host => [host, 'ok']),
          limit === undefined ? 'any host' : 'named hosts',
        )
      }
    },
  )

  test(
    `FP-22: ${name} trusts the authority for the hosts of routes only`,
    heedsConstraints ? skip : { skip: `${name} does not look at the constraints of a trust anchor` },
    async t => {
      const rows: [readonly string[], readonly string[]][] = [
        [
          ['*.example.com', '::1'],
          ['api.example.com', 'a_b.example.com', '::1'],
        ],
        [['10.1.2.3'], ['10.1.2.3']],
        [['127.0.0.0.1.test'], []],
      ]
      for (const [limit, allowed] of rows) {
        const { port, caFile, dir } = await endFor(t, limit)
        const said = [...(await visit(port, caFile, hosts, dir))]
        t.strictSame(
          said.filter(([, result]) => result === 'ok').map(([host]) => host),
          allowed.filter(host => hosts.includes(host)),
          limit.join(' '),
        )
      }
    },
  )
}

const openssl = (await isInstalled(['openssl', 'version'])) ? {} : { skip: 'openssl is not installed' }

test(
  'a client that comes back resumes its session, with TLS 1.2 and 1.3; older versions are refused',
  openssl,
  async t => {
    const { port, caFile, dir } = await endFor(t, undefined)
    const connect = async (...args: string[]) => {
      const child = run(
        'openssl',
        [
          's_client',
          '-proxy',
          `127.0.0.1:${port}`,
          '-connect',
          'a.test:443',
          '-servername',
          'a.test',
          '-CAfile',
          caFile,
          '-verify_return_error',
          '-ign_eof',
          ...args,
        ],
        { env: clientEnv },
      )
      child.child.stdin?.end('GET / HTTP/1.0\r\n\r\n')
      return child.then(
        ({ stdout }) => stdout,
        (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
      )
    }
    for (const version of ['-tls1_2', '-tls1_3']) {
      const session = join(dir, `session${version}`)
      const first = await connect(version, '-sess_out', session)
      t.match(first, /^New, TLSv1/m, version)
      t.equal(first.match(/-----BEGIN CERTIFICATE/g)?.length, 1)
      t.match(first, /^ 0 s:\n/m, 'the leaf alone is sent')
      t.match(await connect(version, '-sess_in', session), /^Reused, TLSv1/m, version)
    }
    t.match(await connect('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), /alert protocol version/)
  },
)
