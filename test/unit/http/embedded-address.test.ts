import { test } from 'tap'
import { canonicalIpv6, embeddedIpv4, ipNumber } from '../../../src/http/ip-address.js'
import { pick, seeded } from '../../support/random.js'

test('T7: the IPv4 address inside of every transition form is found', t => {
  const rows: [string, ...string[]][] = [
    ['::a9fe:a9fe', '169.254.169.254'],
    ['::169.254.169.254', '169.254.169.254'],
    ['::ffff:0:a9fe:a9fe', '169.254.169.254'],
    ['64:ff9b::a9fe:a9fe', '169.254.169.254'],
    ['64:FF9B::10.1.2.3', '10.1.2.3'],
    ['2002:0a01:0203::1', '10.1.2.3'],
    ['2002:a9fe:a9fe:1:2:3:4:5', '169.254.169.254'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', '65.54.227.120', '192.0.2.45'],
    ['fd00::5efe:a9fe:a9fe', '169.254.169.254'],
    ['2001:db8::200:5efe:10.1.2.3', '10.1.2.3'],
  ]
  for (const [address, ...inside] of rows) t.strictSame(embeddedIpv4(address), inside, address)
  t.end()
})

test('T7: the local NAT64 prefix holds an address at each length that RFC 6052 knows', t => {
  const wanted = '169.254.169.254'
  for (const address of [
    // The tables of RFC 6052 §2.2: /48, /56, /64, /96.
    '64:ff9b:1:a9fe:a9:fe00::',
    '64:ff9b:1:a9:fe:a9fe::',
    '64:ff9b:1:0:a9:fea9:fe00:0',
    '64:ff9b:1::a9fe:a9fe',
  ]) {
    t.ok(embeddedIpv4(address).includes(wanted), `${address}: ${embeddedIpv4(address).join(' ')}`)
  }
  t.end()
})

test('T7: what of a local NAT64 address is only a wrong cut is not found: nobody is at 0.0.0.0/8', t => {
  for (const [address, ...inside] of [
    ['64:ff9b:1::808:808', '8.8.8.8'],
    ['64:ff9b:1:808:8:800::', '8.8.8.8', '8.8.8.0', '8.8.0.0'],
  ] as const) {
    t.strictSame(embeddedIpv4(address), inside, address)
  }
  t.end()
})

test('T7: an address that wraps nothing holds nothing', t => {
  const plain = [
    '::',
    '::1',
    '2001:db8::1',
    '2606:4700::1111',
    'fe80::1',
    '64:ff9b:2::1',
    '::ffff:1.2.3.4',
    '1.2.3.4',
    'a.test',
  ]
  for (const address of plain) t.strictSame(embeddedIpv4(address), [], address)
  t.end()
})

test('T6: an IPv6 address has one spelling, which is that of the URL class', t => {
  const random = seeded(6)
  const group = () => pick(random, ['0', '0', '0', '1', 'a', 'ff', 'ffff', '10', '0a00'])
  for (let i = 0; i < 5_000; i++) {
    const address = Array.from({ length: 8 }, group).join(':')
    const canonical = canonicalIpv6(address)
    if (`[${canonical}]` !== new URL(`http://[${address}]/`).hostname) t.fail(`${address} became ${canonical}`)
    if (ipNumber(canonical)?.value !== ipNumber(address)?.value) t.fail(`${canonical} is not ${address}`)
  }
  t.pass('5,000 addresses')
  for (const text of ['::', '::1', '1::', '::ffff:1.2.3.4', '1:0:0:2:0:0:3:4', '::FFFF:A9FE:A9FE']) {
    t.equal(`[${canonicalIpv6(text)}]`, new URL(`http://[${text}]/`).hostname, text)
  }
  t.end()
})
