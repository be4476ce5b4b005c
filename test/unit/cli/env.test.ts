import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { main } from '../../../src/cli.js'
import { certificatesIn } from '../../../src/trust/pem.js'
import { makeCertificate } from '../../support/certificate.js'

const INTERCEPTS = 'state: state\nroutes: [{ name: a, match: { host: api.test } }]\n'

async function env(folder: string, line: string, variables: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await main(['env', ...line.split(' ').filter(Boolean)], {
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    env: { HOME: folder, ...variables },
    cwd: folder,
  })
  return { code, out: out.join(''), err: err.join('') }
}

test('FP-26: env makes the CA and the trust files of a configuration that intercepts, and points to them', async t => {
  const folder = t.testdir({ 'mulligan.yaml': INTERCEPTS })
  const { code, out } = await env(folder, '--shell json')
  t.equal(code, 0)
  const variables = JSON.parse(out) as Record<string, string>
  const ca = certificatesIn(readFileSync(join(folder, 'state/ca.pem'), 'utf8'))
  t.equal(ca.length, 1)
  for (const name of ['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']) {
    const path = variables[name] ?? ''
    t.match(path, join(folder, 'state/trust/'))
    t.equal(certificatesIn(readFileSync(path, 'utf8'))[0], ca[0])
  }
  t.match(variables['JAVA_TOOL_OPTIONS'], `-Djavax.net.ssl.trustStore=${folder}/state/trust/truststore.jks`)
  t.match(variables['NODE_OPTIONS'], /--require \S+node-preload\.cjs$/)
  t.equal(existsSync(join(folder, 'state/ca.key')), true)
})

test('FP-26: where nothing is intercepted no CA is made and none is pointed to', async t => {
  const folder = t.testdir({ 'mulligan.yaml': `intercept: off\n${INTERCEPTS}` })
  const { out } = await env(folder, '')
  t.notMatch(out, /CERT|BUNDLE|trustStore/)
  t.notOk(existsSync(join(folder, 'state')))
})

test('FP-26: a shell that evaluates it twice has the same variables, and keeps the roots it began with', async t => {
  const company = makeCertificate('company').cert
  const folder = t.testdir({ 'mulligan.yaml': INTERCEPTS, 'company.pem': company })
  const begin = { SSL_CERT_FILE: join(folder, 'company.pem'), NODE_OPTIONS: '--trace-warnings', NO_PROXY: 'x.test' }
  const first = JSON.parse((await env(folder, '--shell json', begin)).out) as Record<string, string>
  const second = JSON.parse((await env(folder, '--shell json', { ...begin, ...first })).out) as Record<string, string>
  t.same(second, first)
  t.match(first['NODE_OPTIONS'], /^--trace-warnings --require /)
  t.equal(first['no_proxy'], 'x.test,localhost,127.0.0.1,::1')
  const bundle = certificatesIn(readFileSync(second['SSL_CERT_FILE'] ?? '', 'utf8'))
  t.equal(bundle[1], certificatesIn(company)[0])
})

test('a POSIX shell reads back what was printed for it', async t => {
  const folder = t.testdir({ 'mulligan.yaml': INTERCEPTS })
  const quoted = { NODE_OPTIONS: `--title="it's $HOME \\"`, JAVA_TOOL_OPTIONS: '-Da="b  c"' }
  const { out } = await env(folder, '', quoted)
  const asked = `${out}\nprintf '%s\\n' "$NODE_OPTIONS" "$JAVA_TOOL_OPTIONS" "$no_proxy"`
  const { stdout } = spawnSync('sh', ['-c', asked], { env: {}, encoding: 'utf8' })
  const variables = JSON.parse((await env(folder, '--shell json', quoted)).out) as Record<string, string>
  t.equal(stdout, ['NODE_OPTIONS', 'JAVA_TOOL_OPTIONS', 'no_proxy'].map(name => `${variables[name]}\n`).join(''))
})

test('for a container nothing is quoted, and what only this machine has is left out', async t => {
  const folder = t.testdir({ 'mulligan.yaml': INTERCEPTS })
  const { out } = await env(folder, '--shell docker', { NODE_OPTIONS: '--title=x', NO_PROXY: 'host.only' })
  t.match(out, /^http_proxy=http:\/\/127\.0\.0\.1:8402\n/)
  t.match(out, `\nSSL_CERT_FILE=${folder}/state/trust/ca-bundle.pem\n`)
  t.notMatch(out, /NODE_OPTIONS|host\.only|['"]/)
  t.match(out, /\nNODE_USE_ENV_PROXY=1\n/)
})

test('where a password is asked for, Java is left alone: it cannot send one', async t => {
  const folder = t.testdir({})
  writeFileSync(join(folder, 'mulligan.yaml'), `listen: { auth: { username: u, password: { env: P } } }\n${INTERCEPTS}`)
  const { out, err } = await env(folder, '')
  t.notMatch(out, /JAVA/)
  t.match(err, /listen\.auth is set/)
})

test('requests to this machine go through the proxy only when asked for', async t => {
  const folder = t.testdir({ 'mulligan.yaml': INTERCEPTS })
  t.match((await env(folder, '--proxy-loopback')).out, "export no_proxy=''\n")
})
