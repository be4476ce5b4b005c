import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { canonicalAddress, covers, namesFor, readNames, union } from '../../../src/certificate/certified-names.js'
import { createCa } from '../../../src/certificate/local-ca.js'
import { ManualClock } from '../../support/clock.js'
import { holds } from '../../support/property.js'

t.test('host patterns become names that hold what is below them, each once, in order', t => {
  const rows: [readonly string[] | undefined, readonly string[] | undefined][] = [
    [undefined, undefined],
    [[], []],
    [
      ['b.test', 'a.test', 'b.test'],
      ['a.test', 'b.test'],
    ],
    [['*.a.test'], ['a.test']],
    [['x.a.test', '*.a.test', 'a.test'], ['a.test']],
    [
      ['xa.test', 'a.test'],
      ['a.test', 'xa.test'],
    ],
    [['a.test', '*'], undefined],
    [
      ['10.0.0.1', 'a.test'],
      ['10.0.0.1', 'a.test'],
    ],
    [
      ['::ffff:1.2.3.4', '0::ffff:102:304', '0:0::1'],
      ['::1', '::ffff:102:304'],
    ],
    [
      ['1.10.0.0.1', '10.0.0.1'],
      ['1.10.0.0.1', '10.0.0.1'],
    ],
  ]
  for (const [hosts, names] of rows) t.strictSame(namesFor(hosts), names, String(hosts))
  t.end()
})

t.test('FP-22: a name is covered by itself, by what is above it, and by no limit; an address only by itself', t => {
  const rows: [readonly string[] | undefined, readonly string[] | undefined, boolean][] = [
    [undefined, undefined, true],
    [undefined, ['a.test'], true],
    [['a.test'], undefined, false],
    [[], [], true],
    [['a.test'], [], true],
    [[], ['a.test'], false],
    [['a.test'], ['a.test', 'x.a.test'], true],
    [['a.test'], ['xa.test'], false],
    [['x.a.test'], ['a.test'], false],
    [['a.test'], ['a.test', 'b.test'], false],
    [['0.0.1'], ['10.0.0.1'], false],
    [['10.0.0.1'], ['10.0.0.1'], true],
    [['::1'], ['::2'], false],
  ]
  for (const [limit, wanted, covered] of rows) t.equal(covers(limit, wanted), covered, `${limit} covers ${wanted}`)
  t.end()
})

t.test('FP-22: names are left out and covered as by a look at every pair of them', t => {
  const isWithin = (name: string, limit: string) =>
    name === limit || (isIP(name) === 0 && isIP(limit) === 0 && name.endsWith(`.${limit}`))
  const dns = fc.array(fc.constantFrom('a', 'b', 'ab', '1', '2'), { minLength: 1, maxLength: 5 })
  const name = fc.oneof(
    dns.map(labels => labels.join('.')),
    fc.constantFrom('1.1.1.1', '::1', '2.1.1.1.1'),
  )
  const names = fc.array(name, { maxLength: 12 })
  const property = fc.property(names, names, (limit, wanted) => {
    const all = [...new Set(wanted)].sort()
    const left = all.filter(one => !all.some(other => other !== one && isWithin(one, other)))
    const isSame = JSON.stringify(namesFor(wanted)) === JSON.stringify(left)
    return isSame && covers(limit, wanted) === wanted.every(one => limit.some(other => isWithin(one, other)))
  })
  holds(t, property, 1_000)
  t.end()
})

t.test('10,000 hosts are gone through once, not once for each of them', t => {
  const hosts = Array.from({ length: 10_000 }, (_, i) => `h${i}.example.test`)
  const before = process.cpuUsage()
  t.equal(namesFor(hosts)?.length, 10_000)
  t.ok(covers(hosts, hosts))
  const { user, system } = process.cpuUsage(before)
  // Every pair of them takes half a minute.
  t.ok(user + system < 1_000_000, `${user + system} µs`)
  t.end()
})

t.test('a union covers both, and no limit takes all in', t => {
  t.strictSame(union(['a.test'], ['b.test', 'x.a.test']), ['a.test', 'b.test'])
  t.equal(union(undefined, ['a.test']), undefined)
  t.equal(union(['a.test'], undefined), undefined)
  t.strictSame(union([], ['::1']), ['::1'])
  t.end()
})

t.test('an address has one spelling', t => {
  const rows = [
    ['127.0.0.1', '127.0.0.1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const
  for (const [address, canonical] of rows) t.equal(canonicalAddress(address), canonical)
  t.end()
})

t.test('what was written into a certificate is read back without a library', async t => {
  const many = Array.from({ length: 600 }, (_, i) => `host-${i}.a-name-of-some-length.test`)
  const rows: (readonly string[] | undefined)[] = [
    undefined,
    [],
    ['a.test'],
    ['a.test', '*.b.test', '10.1.2.3'],
    ['10.1.2.3', '2001:db8::7'],
    ['::ffff:9.8.7.6'],
    many,
  ]
  for (const hosts of rows) {
    const { pem } = await createCa(hosts, new ManualClock())
    t.strictSame(readNames(new X509Certificate(pem).raw), namesFor(hosts), String(hosts).slice(0, 60))
  }
})

t.test('name constraints that are no DER are a RangeError, not an endless loop or a guess', async t => {
  const { raw } = new X509Certificate((await createCa(['some-host.test'], new ManualClock())).pem)
  const at = raw.indexOf('551d1e', 0, 'hex')
  // The length of the permitted subtrees announces more octets of length than there are.
  const bad = Buffer.from(raw)
  bad[at + 3 + 3 + 2 + 2 + 1] = 0xff
  t.throws(() => readNames(bad), RangeError)
  t.throws(() => readNames(raw.subarray(0, 1)), RangeError)
})
