import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { packageRoot } from '../../../src/config/package-root.js'
import { matchesNoProxy, type NoProxyRule, parseNoProxy, splitNoProxy } from '../../../src/http/no-proxy.js'

const rulesOf = (list: string): NoProxyRule[] =>
  splitNoProxy(list).map(entry => {
    const rule = parseNoProxy(entry)
    if (rule === undefined) throw new Error(`${entry} is not read`)
    return rule
  })

/** entry · hosts (with a port, else 443) that go straight · hosts that go through the proxy. docs/egress-proxy.md shows it. */
const TABLE: [entry: string, straight: string, through: string][] = [
  ['*', 'example.com 10.0.0.1 [::1] localhost:80', ''],
  ['*:8080', 'example.com:8080 10.0.0.1:8080', 'example.com'],
  [
    'example.com',
    'example.com example.com:80 api.example.com a.b.example.com',
    'notexample.com example.com.evil.test com',
  ],
  ['.example.com', 'example.com api.example.com', 'notexample.com'],
  ['*.example.com', 'api.example.com a.b.example.com', 'example.com notexample.com'],
  ['EXAMPLE.Com.', 'example.com api.example.com', 'notexample.com'],
  ['example.com:8080', 'example.com:8080 api.example.com:8080', 'example.com example.com:80'],
  ['*.example.com:8080', 'a.example.com:8080', 'a.example.com example.com:8080'],
  ['com', 'example.com', 'example.org com.test'],
  ['localhost', 'localhost a.localhost localhost:1', '127.0.0.1 [::1] localhost.test'],
  ['10.0.0.1', '10.0.0.1 10.0.0.1:80', '10.0.0.10 10.0.0.2 1.10.0.0.1.test'],
  ['10.0.0.1:80', '10.0.0.1:80', '10.0.0.1'],
  ['10.0.0.0/8', '10.0.0.1 10.255.255.255 [::ffff:10.1.1.1]', '11.0.0.1 10.test ten.example.com'],
  ['192.168.4.0/22', '192.168.4.1 192.168.7.255', '192.168.8.0 192.168.3.255'],
  ['0.0.0.0/0', '1.2.3.4', '[::1] example.com'],
  ['::1', '[::1] [::1]:80', '[::2] 127.0.0.1'],
  ['0:0:0:0:0:0:0:1', '[::1]', '[::2]'],
  ['[::1]', '[::1] [::1]:80', '[::2]'],
  ['[::1]:80', '[::1]:80', '[::1]'],
  ['fd00::/8', '[fd00::1] [fdff::1]', '[fe00::1] fd00.test'],
  ['::ffff:10.0.0.0/104', '10.1.2.3', '11.1.2.3'],
  ['a.test, b.test  c.test\td.test,,', 'a.test b.test c.test d.test', 'e.test'],
  ['', '', 'a.test 10.0.0.1 [::1]'],
]

const parts = (text: string): [host: string, port: number] => {
  const [, bracketed, bare = '', port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? []
  return [bracketed ?? bare, Number(port ?? 443)]
}

test('FP-29: what goes straight, and what through the proxy', t => {
  for (const [list, straight, through] of TABLE) {
    const rules = rulesOf(list)
    for (const host of splitNoProxy(straight)) t.ok(matchesNoProxy(rules, ...parts(host)), `"${list}": ${host}`)
    for (const host of splitNoProxy(through)) t.notOk(matchesNoProxy(rules, ...parts(host)), `"${list}": not ${host}`)
  }
  t.end()
})

test('FP-29: what is no entry is not read as some other one', t => {
  const entries = [
    '10.0.0.0/33',
    '10.0.0.0/8:80',
    '10.0.0',
    '192.168.*',
    'a.*.test',
    '*test',
    'https://a.test',
    'a.test/path',
    'a.test:0',
    'a.test:65536',
    'a.test:x',
    'a..test',
    '[::1',
    '::ffff:10.0.0.0/90',
    '.',
    '*.',
    'ü.test',
    '',
  ]
  for (const entry of entries) t.equal(parseNoProxy(entry), undefined, entry)
  t.end()
})

test('FP-29: the table in docs/egress-proxy.md is true', t => {
  const page = readFileSync(new URL('docs/egress-proxy.md', packageRoot()), 'utf8')
  const [, table = ''] = /\| entry \| goes straight \|.*\n\|---.*\n((?:\|.*\n)+)/.exec(page) ?? []
  const rows = table.trimEnd().split('\n')
  t.ok(rows.length > 10)
  for (const row of rows) {
    const [, entry = '', straight = '', through = ''] = row.replaceAll('`', '').split('|')
    const rules = rulesOf(entry.trim())
    for (const host of splitNoProxy(straight)) t.ok(matchesNoProxy(rules, ...parts(host)), `${entry}: ${host}`)
    for (const host of splitNoProxy(through)) t.notOk(matchesNoProxy(rules, ...parts(host)), `${entry}: not ${host}`)
  }
  t.end()
})
