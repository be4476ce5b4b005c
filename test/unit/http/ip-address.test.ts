import { isIP } from 'node:net'
import { test } from 'tap'
import { isIpv4, isIpv6 } from '../../../src/http/ip-address.js'

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
