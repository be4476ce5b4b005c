import { spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { type Test, test } from 'tap'
import { javaTrustStore } from '../../../src/trust/java-trust-store.js'
import { certificatesIn, derOf, pemOf } from '../../../src/trust/pem.js'
import { environmentRoots } from '../../../src/trust/roots.js'
import { writeTrustFiles } from '../../../src/trust/trust-files.js'
import { makeCertificate } from '../../support/certificate.js'

const [OURS, COMPANY, OTHER, ROTATED] = ['ours', 'company', 'other', 'rotated'].map(name => makeCertificate(name).cert)
const only = (pem: string | undefined): string => certificatesIn(pem ?? '')[0] ?? ''
const inFile = (path: string): string[] => certificatesIn(readFileSync(path, 'utf8'))

function home(t: Test, files: Record<string, string | undefined>): string {
  const folder = t.testdir({})
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text ?? '')
  return folder
}

test('a PEM text is read for its certificates alone, and written with each once', t => {
  const wrapped = `# company\nkey: x\n${COMPANY?.replaceAll('\n', '\r\n')}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n${OURS}`
  const found = certificatesIn(wrapped)
  t.same(found, [only(COMPANY), only(OURS)])
  t.equal(pemOf([...found, ...found]), `${COMPANY}${OURS}`)
  t.same(certificatesIn('-----BEGIN CERTIFICATE-----\nnot base64 !\n-----END CERTIFICATE-----\n'), [])
  t.same(certificatesIn(''), [])
  t.end()
})

test("FP-26: the bundle has our CA, the parent's files, the system's roots and the public ones, each once", t => {
  const folder = home(t, { 'a.pem': COMPANY, 'b.pem': `${COMPANY}${OTHER}` })
  const env = { HOME: folder, SSL_CERT_FILE: join(folder, 'a.pem'), PIP_CERT: join(folder, 'b.pem') }
  const files = writeTrustFiles(join(folder, 'trust'), OURS ?? '', { ...env, GIT_SSL_CAINFO: '/nowhere' })
  const bundle = inFile(files.bundle)
  t.same(bundle.slice(0, 3), [OURS, COMPANY, OTHER].map(only))
  t.equal(new Set(bundle).size, bundle.length)
  for (const root of rootCertificates) t.ok(bundle.includes(only(root)))
  for (const root of environmentRoots({})) t.ok(bundle.includes(root))
  t.same(inFile(files.ca), [only(OURS)])
  t.equal(statSync(files.wgetrc).mode & 0o777, 0o600)
  t.match(readFileSync(join(files.php, 'mulligan.ini'), 'utf8'), `curl.cainfo="${files.bundle}"`)
  t.end()
})

test("FP-26: what adds to a program's trust gets our CA behind what it held", t => {
  const folder = home(t, { 'node.pem': COMPANY, 'deno.pem': OTHER })
  const env = { HOME: folder, NODE_EXTRA_CA_CERTS: join(folder, 'node.pem'), DENO_CERT: join(folder, 'deno.pem') }
  t.same(inFile(writeTrustFiles(join(folder, 'trust'), OURS ?? '', env).added), [OURS, COMPANY, OTHER].map(only))
  t.end()
})

test('a folder of certificates is read file by file', t => {
  const folder = home(t, {})
  mkdirSync(join(folder, 'certs/sub'), { recursive: true })
  writeFileSync(join(folder, 'certs/one.pem'), COMPANY ?? '')
  writeFileSync(join(folder, 'certs/two.0'), OTHER ?? '')
  const roots = environmentRoots({ REQUESTS_CA_BUNDLE: join(folder, 'certs') })
  t.same(roots.slice(0, 2), [COMPANY, OTHER].map(only))
  t.end()
})

test('written again over its own variables, the files keep what was the parent’s and drop a rotated CA', t => {
  const folder = home(t, { 'a.pem': COMPANY, '.wgetrc': 'tries = 2\n\nca_certificate=/old.pem\n' })
  const trust = join(folder, 'trust')
  const first = writeTrustFiles(trust, OURS ?? '', {
    HOME: folder,
    SSL_CERT_FILE: join(folder, 'a.pem'),
    NODE_EXTRA_CA_CERTS: join(folder, 'a.pem'),
  })
  const text = readFileSync(first.wgetrc, 'utf8')
  t.equal(text, `tries = 2\nca_certificate = ${first.bundle}\n`)
  const env = { SSL_CERT_FILE: first.bundle, NODE_EXTRA_CA_CERTS: first.added, WGETRC: first.wgetrc }
  const again = writeTrustFiles(trust, ROTATED ?? '', env)
  const bundle = inFile(again.bundle)
  t.same(bundle.slice(0, 2), [ROTATED, COMPANY].map(only))
  t.notOk(bundle.includes(only(OURS)))
  t.same(inFile(again.added), [ROTATED, COMPANY].map(only))
  t.equal(readFileSync(again.wgetrc, 'utf8'), text)
  t.end()
})

test('the Java trust store has the integrity digest of its format, and no certificate that Java cannot parse', t => {
  const folder = home(t, { 'a.pem': `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` })
  const files = writeTrustFiles(join(folder, 'trust'), OURS ?? '', { SSL_CERT_FILE: join(folder, 'a.pem') })
  const bundle = inFile(files.bundle)
  t.ok(bundle.includes('AAAA'), 'others skip it')
  const store = readFileSync(files.javaStore)
  t.same(store, javaTrustStore(bundle.filter(one => one !== 'AAAA').map(derOf)))
  t.equal(store.readUInt32BE(8), bundle.length - 1)
  const body = store.subarray(0, -20)
  const password = Buffer.from('changeit', 'utf16le').swap16()
  const digest = createHash('sha1').update(password).update('Mighty Aphrodite').update(body).digest()
  t.same(store.subarray(-20), digest)
  t.end()
})

test('keytool reads the Java trust store, certificate by certificate', t => {
  const file = join(t.testdir({}), 'store.jks')
  writeFileSync(file, javaTrustStore([OURS, COMPANY].map(pem => derOf(only(pem)))))
  const { status, stdout } = spawnSync('keytool', ['-list', '-keystore', file, '-storepass', 'changeit'])
  if (status === null) t.comment('skipped: keytool is not installed')
  else {
    t.equal(status, 0)
    t.match(String(stdout), /Keystore type: JKS[\s\S]*contains 2 entries/)
    for (const pem of [OURS, COMPANY]) t.match(String(stdout), new X509Certificate(pem ?? '').fingerprint256)
  }
  t.end()
})
