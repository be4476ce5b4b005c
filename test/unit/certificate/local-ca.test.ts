import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CaError } from '../../../src/certificate/ca-error.js'
import { issueAuthority, leafIssuer } from '../../../src/certificate/issue.js'
import { createCa, openCa, readCa, rotateCa } from '../../../src/certificate/local-ca.js'
import { ManualClock } from '../../support/clock.js'

const DAY = 86_400_000
const clock = new ManualClock()
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8)

const encrypted = (key: KeyObject) =>
  key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' }).toString()

/** A state directory that is not there yet. */
const stateOf = (t: Test) => join(t.testdir({}), 'a', 'state')

t.test('FP-21: the pair is made on first need, the key for its owner only, and is the same ever after', async t => {
  const state = stateOf(t)
  t.equal(readCa(state), undefined)
  const mask = process.umask(0o077)
  const { ca, change } = await openCa(state, ['a.test', '*.b.test'], clock)
  process.umask(mask)
  t.equal(change, 'created')
  t.strictSame(readdirSync(state).sort(), ['ca.key', 'ca.pem'], 'no draft and no lock stays')
  t.strictSame([state, join(state, 'ca.key'), join(state, 'ca.pem')].map(modeOf), ['700', '600', '644'])
  t.equal(ca.notBefore, clock.now() - 2 * DAY)
  t.equal(ca.notAfter, clock.now() + 3_650 * DAY)
  t.strictSame(ca.hosts, ['a.test', 'b.test'])
  t.match(ca.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  t.equal(ca.pem, readFileSync(join(state, 'ca.pem'), 'utf8'))
  t.match(ca.pem, /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/)
  t.ok(new X509Certificate(ca.pem).publicKey.equals(createPublicKey(ca.key)))
  const again = await openCa(state, ['x.b.test'], clock)
  t.equal(again.change, 'none')
  t.equal(again.ca.fingerprint, ca.fingerprint)
  t.match(readCa(state), { fingerprint: ca.fingerprint, hosts: ca.hosts, notAfter: ca.notAfter })
})

t.test('FP-22: more hosts get a new certificate of the same key; nothing is taken away before a rotation', async t => {
  const state = stateOf(t)
  const { ca: first } = await openCa(state, ['a.test'], clock)
  const leaf = new X509Certificate(leafIssuer(first.pem, first.key, createPublicKey(first.key))('a.test', first))
  const rows: [readonly string[] | undefined, string, readonly string[] | undefined][] = [
    [['b.test', '10.0.0.1'], 'widened', ['10.0.0.1', 'a.test', 'b.test']],
    [['a.test'], 'none', ['10.0.0.1', 'a.test', 'b.test']],
    [[], 'none', ['10.0.0.1', 'a.test', 'b.test']],
    [['*.a.test', 'x.c.test'], 'widened', ['10.0.0.1', 'a.test', 'b.test', 'x.c.test']],
    [['c.test'], 'widened', ['10.0.0.1', 'a.test', 'b.test', 'c.test']],
    [undefined, 'widened', undefined],
    [['z.test'], 'none', undefined],
  ]
  for (const [hosts, change, names] of rows) {
    const opened = await openCa(state, hosts, clock)
    t.equal(opened.change, change, String(hosts))
    t.strictSame(opened.ca.hosts, names)
    t.ok(opened.ca.key.equals(first.key))
    t.ok(leaf.checkIssued(new X509Certificate(opened.ca.pem)))
    t.equal(readCa(state)?.fingerprint, opened.ca.fingerprint)
  }
  const rotated = await rotateCa(state, ['a.test'], clock)
  t.strictSame(rotated.hosts, ['a.test'])
  t.notOk(rotated.key.equals(first.key))
  t.notOk(leaf.checkIssued(new X509Certificate(rotated.pem)))
})

t.test('a rotation keeps the old certificate, and no trace of the old key', async t => {
  const state = stateOf(t)
  await rotateCa(state, ['a.test'], clock)
  t.strictSame(readdirSync(state).sort(), ['ca.key', 'ca.pem'])
  const before = readCa(state)
  const after = await rotateCa(state, ['a.test'], clock)
  t.strictSame(readdirSync(state).sort(), ['ca.key', 'ca.pem', 'ca.pem.old'])
  t.equal(readFileSync(join(state, 'ca.pem.old'), 'utf8'), before?.pem)
  t.equal(readCa(state)?.fingerprint, after.fingerprint)
  t.not(after.fingerprint, before?.fingerprint)
})

t.test('a process that died half-way leaves a key, which the next one issues a certificate for', async t => {
  const state = stateOf(t)
  const { ca } = await openCa(state, ['a.test'], clock)
  rmSync(join(state, 'ca.pem'))
  t.equal(readCa(state), undefined)
  const { ca: again, change } = await openCa(state, ['a.test'], clock)
  t.equal(change, 'created')
  t.ok(again.key.equals(ca.key))
})

t.test('a lock that a dead process left is waited for, then taken over', async t => {
  const state = stateOf(t)
  await openCa(state, [], clock)
  writeFileSync(join(state, 'ca.lock'), '')
  let done = false
  const rotated = rotateCa(state, [], clock).then(ca => {
    done = true
    return ca
  })
  while (clock.pending === 0) await new Promise(resolve => setImmediate(resolve))
  await clock.advanceAsync(2_900)
  t.notOk(done)
  await clock.advanceAsync(200)
  t.equal((await rotated).fingerprint, readCa(state)?.fingerprint)
  t.notOk(existsSync(join(state, 'ca.lock')))
})

t.test('an authority in memory leaves nothing on disk', async t => {
  const ca = await createCa(['*'], clock)
  t.equal(ca.hosts, undefined)
  t.ok(new X509Certificate(ca.pem).checkPrivateKey(ca.key))
})

t.test('FP-21: what is wrong with the pair on disk is refused with the reason and what to do', async t => {
  const { pem, key } = await createCa(['a.test'], clock)
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const life = { notBefore: clock.now(), notAfter: clock.now() + DAY }
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const leaf = leafIssuer(pem, key, other.publicKey)('a.test', life)
  const text = (one: typeof key) => one.export({ type: 'pkcs8', format: 'pem' }).toString()
  const rows: [string, (state: string) => void, RegExp][] = [
    ['open key', s => chmodSync(join(s, 'ca.key'), 0o640), /ca\.key is open to others \(0640\): chmod 600 /],
    ['open directory', s => chmodSync(s, 0o770), /others may write to .* \(0770\).*chmod 700 .*--state/],
    [
      'other key',
      s => writeFileSync(join(s, 'ca.key'), text(other.privateKey)),
      /is not the key of .*mulligan ca rotate/,
    ],
    ['no key', s => rmSync(join(s, 'ca.key')), /its key .*ca\.key is not: put it back, or .*mulligan ca rotate/],
    ['broken key', s => writeFileSync(join(s, 'ca.key'), 'x'), /ca\.key holds no private key in PEM/],
    ['encrypted key', s => writeFileSync(join(s, 'ca.key'), encrypted(key)), /ca\.key holds no private key in PEM/],
    ['other curve', s => writeFileSync(join(s, 'ca.key'), text(p384)), /ca\.key is not a key on P-256/],
    [
      'broken certificate',
      s => writeFileSync(join(s, 'ca.pem'), 'x'),
      /ca\.pem holds no certificate in PEM: delete it/,
    ],
    [
      'no authority',
      s => {
        writeFileSync(join(s, 'ca.pem'), leaf)
        writeFileSync(join(s, 'ca.key'), text(other.privateKey))
      },
      /ca\.pem is not the certificate of an authority/,
    ],
    [
      'a directory',
      s => {
        rmSync(join(s, 'ca.pem'))
        symlinkSync('.', join(s, 'ca.pem'))
      },
      /cannot read .*ca\.pem \(EISDIR\)/,
    ],
  ]
  for (const [name, spoil, message] of rows) {
    const state = stateOf(t)
    rmSync(state, { recursive: true, force: true })
    await openCa(state, ['a.test'], clock)
    spoil(state)
    t.throws(() => readCa(state), message, name)
    await t.rejects(openCa(state, ['a.test'], clock), message, name)
    try {
      readCa(state)
    } catch (error) {
      t.type(error, CaError)
    }
  }
})

t.test('an authority out of its time is refused, and can be replaced', async t => {
  const state = stateOf(t)
  const clock = new ManualClock()
  const { ca } = await openCa(state, undefined, clock)
  const at = (now: number) => ({ ...clock, monotonic: clock.monotonic, schedule: clock.schedule, now: () => now })
  await t.rejects(openCa(state, undefined, at(ca.notAfter + 1)), /ca\.pem ended on 2035-12-30: .*mulligan ca rotate/)
  await t.rejects(openCa(state, undefined, at(ca.notBefore - 1)), /begins on 2025-12-30.*set the clock right/)
  await rotateCa(state, undefined, at(ca.notAfter + 1))
  t.equal((await openCa(state, undefined, at(ca.notAfter + 1))).change, 'none')
  const narrow = issueAuthority(ca.key, ['a.test'], { notBefore: 0, notAfter: DAY })
  writeFileSync(join(state, 'ca.pem'), narrow)
  writeFileSync(join(state, 'ca.key'), ca.key.export({ type: 'pkcs8', format: 'pem' }))
  await t.rejects(openCa(state, ['b.test'], clock), /ended on 1970-01-02/, 'and is not widened either')
})

t.test('a directory that cannot be made, or that others may write to, gets no key', async t => {
  const dir = t.testdir({ file: '', open: {}, gone: t.fixture('symlink', 'nowhere/at/all') })
  chmodSync(join(dir, 'open'), 0o775)
  await t.rejects(openCa(join(dir, 'file', 'x'), [], clock), /cannot read .*ENOTDIR.*--state/)
  await t.rejects(openCa(join(dir, 'gone'), [], clock), /cannot make .*gone \(E[A-Z]+\); --state/)
  await t.rejects(openCa(join(dir, 'open'), [], clock), /others may write to .* \(0775\)/)
  t.strictSame(readdirSync(join(dir, 'open')), [])
})

t.test('F25: a pair with one wrong bit anywhere is refused, or is the pair all the same', async t => {
  const state = stateOf(t)
  const { ca } = await openCa(state, ['a.test'], clock)
  const wrong: string[] = []
  let refused = 0
  for (const name of ['ca.key', 'ca.pem']) {
    const file = join(state, name)
    const good = readFileSync(file)
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 7))
      writeFileSync(file, bad)
      try {
        const found = readCa(state)
        if (found?.pem !== ca.pem || !found.key.equals(ca.key)) wrong.push(`${name} ${at}`)
      } catch (error) {
        refused++
        if (!(error instanceof CaError)) wrong.push(`${name} ${at}: ${error}`)
      }
    }
    writeFileSync(file, good)
  }
  t.strictSame(wrong, [])
  t.ok(refused > 900, `${refused} were refused`)
  t.equal(readCa(state)?.fingerprint, ca.fingerprint)
})
