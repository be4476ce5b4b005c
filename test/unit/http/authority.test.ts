import { test } from 'tap'
import { formatAuthority, parseAuthority } from '../../../src/http/authority.js'

test('F3: an authority is a host in lower case and a port', t => {
  const rows: [string, number | undefined, string, number][] = [
    ['A.test', 80, 'a.test', 80],
    ['a.test:8080', 80, 'a.test', 8080],
    ['a.test.:443', undefined, 'a.test', 443],
    ['[::1]', 443, '::1', 443],
    ['[::1]:1', undefined, '::1', 1],
    ['10.0.0.1', 80, '10.0.0.1', 80],
  ]
  for (const [text, defaultPort, host, port] of rows) t.same(parseAuthority(text, defaultPort), { host, port }, text)
  t.end()
})

test('F3: what could name two places names none', t => {
  for (const text of [
    '',
    ':80',
    'a:',
    'a:b',
    'a@b',
    'a b',
    'a/b',
    '1',
    '0x1',
    '1.2.3',
    'a.0x',
    '[::1',
    '::1',
    '[::1]x:80',
  ]) {
    t.equal(parseAuthority(text, 80), undefined, text)
  }
  t.equal(parseAuthority('a.test', undefined), undefined, 'without a port where one is needed')
  t.end()
})

test('an authority is written with brackets and without the default port', t => {
  t.equal(formatAuthority({ host: 'a.test', port: 80 }, 80), 'a.test')
  t.equal(formatAuthority({ host: 'a.test', port: 80 }), 'a.test:80')
  t.equal(formatAuthority({ host: '::1', port: 80 }, 80), '[::1]')
  t.equal(formatAuthority({ host: '::1', port: 81 }, 80), '[::1]:81')
  t.end()
})
