import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { familyOf, formatListenAddress, isLocal, parseListenAddress } from '../../../src/config/listen-address.js'
import { isWrong } from '../../../src/config/wrong.js'
import { holds } from '../../support/property.js'

t.test('an address is a host and a port, or a socket', t => {
  const rows: [string, object, boolean][] = [
    ['127.0.0.1:8402', { kind: 'tcp', host: '127.0.0.1', port: 8402 }, true],
    ['127.9.9.9:1', { kind: 'tcp', host: '127.9.9.9', port: 1 }, true],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }, true],
    ['localhost:80', { kind: 'tcp', host: 'localhost', port: 80 }, true],
    ['0.0.0.0:65535', { kind: 'tcp', host: '0.0.0.0', port: 65_535 }, false],
    ['[::]:1', { kind: 'tcp', host: '::', port: 1 }, false],
    ['proxy.internal:1', { kind: 'tcp', host: 'proxy.internal', port: 1 }, false],
    ['unix:/run/m.sock', { kind: 'unix', path: '/run/m.sock' }, true],
  ]
  for (const [text, address, local] of rows) {
    const parsed = parseListenAddress(text)
    if (isWrong(parsed)) return t.fail(text)
    t.same(parsed, address)
    t.equal(formatListenAddress(parsed), text)
    t.equal(isLocal(parsed), local, `${text} is ${local ? '' : 'not '}local`)
  }
  return t.end()
})

t.test('anything else is refused with what is allowed', t => {
  const rows: [string, RegExp][] = [
    ['', /not an address/],
    ['8402', /did you mean "127\.0\.0\.1:8402"/],
    [':8402', /names no address/],
    ['::1:8402', /not an address/],
    ['[127.0.0.1]:1', /not a host name or IP/],
    ['[fe80::1%eth0]:x', /not an address/],
    ['1.2.3:1', /not a host name/],
    ['a_-:1', /not a host name/],
    ['http://x:1', /not an address/],
    ['x:65536', /out of range/],
    ['unix:', /absolute path/],
    [`unix:/${'x'.repeat(110)}`, /at most 103 bytes/],
  ]
  for (const [text, message] of rows) t.match(parseListenAddress(text), { wrong: message }, text)
  t.end()
})

t.test('the family of an address is what Node says it is', t => {
  const part = fc.constantFrom(
    '0',
    '1',
    '255',
    '256',
    '01',
    'ffff',
    'fe80',
    '::',
    ':',
    '.',
    '%',
    'eth0',
    '[',
    'a.test',
    '',
  )
  const mixed = fc.array(part, { maxLength: 12 }).map(parts => parts.join(''))
  const texts = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.domain(), fc.string(), mixed)
  holds(
    t,
    fc.property(texts, text => familyOf(text) === isIP(text)),
    2_000,
  )
  t.end()
})
