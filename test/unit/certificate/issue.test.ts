import 'reflect-metadata'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as Oracle,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509'
import t from 'tap'
import { issueAuthority, leafIssuer } from '../../../src/certificate/issue.js'
import { START } from '../../support/clock.js'

const DAY = 86_400_000
const LIFE = { notBefore: START, notAfter: START + DAY }
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: caKey } = pair()
const { publicKey: serverKey } = pair()
const authority = issueAuthority(caKey, undefined, LIFE)
const issue = leafIssuer(authority, caKey, serverKey)

/** Tag, length and contents of the DER value at an offset. */
function derAt(der: Buffer, at: number): { tag: number; body: Buffer; end: number } {
  const first = der.readUInt8(at + 1)
  const octets = first > 0x7f ? first & 0x7f : 0
  const length = octets === 0 ? first : der.readUIntBE(at + 2, octets)
  const start = at + 2 + octets
  return { tag: der.readUInt8(at), body: der.subarray(start, start + length), end: start + length }
}

/** X.690 §8.3.2: the first nine bits are neither all zeros nor all ones. */
function isMinimal(integer: Buffer): boolean {
  const [first = 0, second = 0] = integer
  return integer.length === 1 || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
}

t.test('FP-21: an authority may sign certificates and nothing else, and says so in critical extensions', t => {
  const certificate = new Oracle(authority)
  const basic = certificate.getExtension(BasicConstraintsExtension)
  t.match(basic, { ca: true, pathLength: 0, critical: true })
  const usage = certificate.getExtension(KeyUsagesExtension)
  t.match(usage, { usages: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, critical: true })
  const id = certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId
  t.match(id, /^[0-9a-f]{40}$/)
  t.equal(certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId, id)
  t.match(certificate.subject, /^O=mulligan, CN=mulligan local CA [0-9a-f]{6}$/)
  t.equal(certificate.issuer, certificate.subject)
  t.equal(certificate.extensions.length, 4, 'no name constraints without names')
  t.ok(new X509Certificate(authority).verify(createPublicKey(caKey)))
  t.end()
})

t.test('an authority issued again keeps subject and key identifier, under a new serial number', t => {
  const [before, after] = [new Oracle(authority), new Oracle(issueAuthority(caKey, ['a.test'], LIFE, authority))]
  t.equal(after.subject, before.subject)
  t.equal(
    after.getExtension(SubjectKeyIdentifierExtension)?.keyId,
    before.getExtension(SubjectKeyIdentifierExtension)?.keyId,
  )
  t.not(after.serialNumber, before.serialNumber)
  t.end()
})

t.test('F4: a leaf is for one name in a critical SAN, with an empty subject and serverAuth only', t => {
  const rows: [string, 'dns' | 'ip', string][] = [
    ['api.example.com', 'dns', 'api.example.com'],
    ['xn--bcher-kva.example', 'dns', 'xn--bcher-kva.example'],
    ['a_b.example.com', 'dns', 'a_b.example.com'],
    [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`, 'dns', ''],
    ['127.0.0.1', 'ip', '127.0.0.1'],
    ['::1', 'ip', '::1'],
    ['2001:db8::1:0:0:1', 'ip', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', 'ip', '::ffff:102:304'],
  ]
  for (const [host, type, value] of rows) {
    const certificate = new Oracle(issue(host, LIFE))
    t.equal(certificate.subject, '')
    t.equal(certificate.issuer, new Oracle(authority).subject)
    const names = certificate.getExtension(SubjectAlternativeNameExtension)
    t.equal(names?.critical, true)
    t.strictSame(names?.names.toJSON(), [{ type, value: value || host }])
    t.match(certificate.getExtension(KeyUsagesExtension), { usages: KeyUsageFlags.digitalSignature, critical: true })
    t.same(certificate.getExtension(ExtendedKeyUsageExtension)?.usages, ['1.3.6.1.5.5.7.3.1'])
    t.equal(
      certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId,
      new Oracle(authority).getExtension(SubjectKeyIdentifierExtension)?.keyId,
    )
    const parsed = new X509Certificate(issue(host, LIFE))
    t.equal(parsed.ca, false)
    t.ok(parsed.checkIssued(new X509Certificate(authority)))
    t.equal(type === 'ip' ? parsed.checkIP(value) : parsed.checkHost(host), value || host)
  }
  t.end()
})

t.test('dates are whole seconds: UTCTime up to 2049, GeneralizedTime after it (RFC 5280 §4.1.2.5)', t => {
  const rows: [number, string][] = [
    [Date.UTC(2049, 11, 31, 23, 59, 59, 999), '170d3439313233313233353935395a'],
    [Date.UTC(2050, 0, 1), '180f32303530303130313030303030305a'],
  ]
  for (const [notAfter, encoded] of rows) {
    const certificate = new X509Certificate(issue('a.test', { notBefore: START, notAfter }))
    t.ok(certificate.raw.includes(Buffer.from(encoded, 'hex')), encoded)
    t.equal(Date.parse(certificate.validTo), Math.floor(notAfter / 1_000) * 1_000)
  }
  t.end()
})

t.test('serial numbers are positive, unique, of 16 octets; they and the signature are minimal integers', t => {
  const serials = new Set<string>()
  for (let i = 0; i < 500; i++) {
    const { raw } = new X509Certificate(issue(`h${i}.test`, LIFE))
    const whole = derAt(raw, 0)
    const body = derAt(whole.body, 0)
    const version = derAt(body.body, 0)
    const serial = derAt(body.body, version.end)
    const algorithm = derAt(whole.body, body.end)
    const signature = derAt(whole.body, algorithm.end).body.subarray(1)
    const r = derAt(derAt(signature, 0).body, 0)
    const s = derAt(derAt(signature, 0).body, r.end)
    serials.add(serial.body.toString('hex'))
    const good = serial.tag === 2 && serial.body.length === 16 && (serial.body[0] ?? 0) < 0x80 && isMinimal(serial.body)
    if (!good || !isMinimal(r.body) || !isMinimal(s.body)) t.fail(raw.toString('hex'))
  }
  t.equal(serials.size, 500)
  t.end()
})
