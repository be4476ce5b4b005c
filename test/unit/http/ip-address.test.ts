import { isIP } from 'node:net'
import { test } from 'tap'
import { ipNumber, isIpv4, isIpv6 } from '../../../src/http/ip-address.js'

const TEXTS = [
  '127.0.0.1 0.0.0.0 255.255.255.255 1.2.3 1.2.3.4.5 1.2.3.4. .1.2.3.4 01.2.3.4 256.1.1.1 1..2.3 1.2.3.x',
  ':: ::1 1:: 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1::8 ::ffff:1.2.3.4 64:ff9b::1.2.3.4 1:2:3:4:5:6:1.2.3.4',
  ': ::: 1 1: :1 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7:8:: ::1::2 1:::2 12345:: g:: 1.2.3.4:: ::1.2.3 ::1.2.3.4.5 ::1.2.3.4:5 1:2:3:4:5:6:7:1.2.3.4',
].flatMap(line => line.split(' '))

test('addresses are told as Node tells them', t => {
  for (const text of TEXTS) {
    t.equal(isIpv4(text), isIP(text) === 4, `IPv4 ${text}`)
    t.equal(isIpv6(text), isIP(text) === 6, `IPv6 ${text}`)
  }
  t.end()
})

test('one address is one number, whatever its spelling', t => {
  const rows: [string, bigint | undefined, 32 | 128][] = [
    ['0.0.0.0', 0n, 32],
    ['255.255.255.255', 0xffffffffn, 32],
    ['10.1.2.3', 0x0a010203n, 32],
    ['::ffff:10.1.2.3', 0x0a010203n, 32],
    ['::FFFF:0a01:203', 0x0a010203n, 32],
    ['0:0:0:0:0:ffff:a01:203', 0x0a010203n, 32],
    ['::', 0n, 128],
    ['::1', 1n, 128],
    ['1::', 1n << 112n, 128],
    ['::10.1.2.3', 0x0a010203n, 128],
    ['64:ff9b::10.1.2.3', (0x64n << 112n) | (0xff9bn << 96n) | 0x0a010203n, 128],
    ['1:2:3:4:5:6:7:8', 0x00010002000300040005000600070008n, 128],
    ['1:2:3::7:8', 0x00010002000300000000000000070008n, 128],
    ['10.1.2', undefined, 32],
    ['example.com', undefined, 32],
    ['', undefined, 32],
  ]
  for (const [text, value, width] of rows) {
    t.same(ipNumber(text), value === undefined ? undefined : { value, width }, text)
  }
  t.end()
})
