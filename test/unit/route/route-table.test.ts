import fc from 'fast-check'
import t from 'tap'
import type { Match } from '../../../src/route/match.js'
import { compilePath, hostFits } from '../../../src/route/pattern.js'
import { createRouteTable } from '../../../src/route/route-table.js'
import { holds } from '../../support/property.js'

const ANY: Match = { scheme: undefined, host: '*', port: undefined, path: undefined, methods: undefined }
const route = (name: string, match: Partial<Match>, mount?: string) => ({ name, match: { ...ANY, ...match }, mount })

t.test('a glob takes a run within a segment for * and any run for **', t => {
  const rows: [string, string[], string[]][] = [
    ['/v1', ['/v1'], ['/v1/', '/v', '/v11']],
    ['/v1/**', ['/v1/', '/v1/a', '/v1/a/b'], ['/v1', '/v10/a', '/']],
    ['/*/x', ['/a/x', '//x'], ['/x', '/a/b/x']],
    ['/a*c', ['/ac', '/abc', '/acc'], ['/a/c', '/acd']],
    ['/**/x', ['//x', '/a/x', '/a/b/x'], ['/x', '/a/xy']],
    ['/*/x/**/y/*', ['/a/x//y/', '/a/x/b/c/y/z'], ['/a/x/y/z', '/a/x/b/y/z/q']],
    ['/**', ['/', '/a/b'], []],
  ]
  for (const [glob, fits, misses] of rows) {
    const test = compilePath(glob)
    t.same(
      fits.filter(path => !test(path)),
      [],
      `${glob} takes them`,
    )
    t.same(misses.filter(test), [], `${glob} leaves them`)
  }
  t.end()
})

t.test('a glob agrees with the regular expression it stands for', t => {
  const toRegExp = (glob: string) =>
    new RegExp(`^${glob.replaceAll(/\*\*|\*/g, star => (star === '**' ? '.*' : '[^/]*'))}$`)
  const glob = fc.array(fc.constantFrom('a', 'b', '/', '*', '**'), { maxLength: 8 }).map(parts => `/${parts.join('')}`)
  const usable = glob.filter(text => !text.includes('***'))
  const path = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }).map(parts => `/${parts.join('')}`)
  holds(
    t,
    fc.property(usable, path, (g, p) => compilePath(g)(p) === toRegExp(g).test(p)),
    5_000,
  )
  t.end()
})

t.test('a hostile path costs no more than glob length times path length', t => {
  const test = compilePath(`/${'*a'.repeat(20)}**${'a*'.repeat(20)}b`)
  const start = process.cpuUsage().user
  t.notOk(test(`/${'a'.repeat(16_000)}`))
  t.ok(process.cpuUsage().user - start < 1_000_000)
  t.end()
})

t.test('a suffix takes names of any depth, but not the suffix itself', t => {
  t.same(
    ['a.x.y', 'a.b.x.y', 'x.y', '.x.y', 'ax.y'].map(host => hostFits('*.x.y', host)),
    [true, true, false, false, false],
  )
  t.end()
})

t.test('the first route of the file wins, whatever kind its host is', t => {
  const table = createRouteTable([
    route('suffix', { host: '*.example.com', path: '/v1/**' }),
    route('exact', { host: 'api.example.com' }),
    route('posts', { methods: ['POST'] }),
    route('tls', { host: 'b.test', scheme: 'https', port: 8443 }),
    route('rest', {}),
  ])
  const find = (method: string, url: string) => {
    const { protocol, hostname, port, pathname, search } = new URL(url)
    const scheme = protocol === 'https:' ? 'https' : 'http'
    return table.find(scheme, hostname, Number(port) || (scheme === 'https' ? 443 : 80), method, pathname + search)
      ?.name
  }
  t.equal(find('GET', 'http://api.example.com/v1/x?y=/'), 'suffix')
  t.equal(find('GET', 'http://api.example.com/v2?/v1/'), 'exact')
  t.equal(find('POST', 'http://x.example.com/v2'), 'posts')
  t.equal(find('GET', 'https://b.test:8443/'), 'tls')
  t.equal(find('GET', 'https://b.test/'), 'rest')
  t.strictSame(
    table.ofOrigin('https', 'b.test', 8443).map(route => route.name),
    ['posts', 'tls', 'rest'],
    'method and path do not count',
  )
  t.end()
})

t.test('a table finds what a look from top to bottom finds', t => {
  const host = fc.constantFrom('a.b', 'c.a.b', 'd.c.a.b', 'b', 'x')
  const pattern = fc.oneof(
    host,
    host.map(name => `*.${name}`),
    fc.constant('*'),
  )
  const match = fc.record({
    scheme: fc.constantFrom('http' as const, 'https' as const, undefined),
    host: pattern,
    port: fc.constantFrom(80, 443, undefined),
    path: fc.constantFrom('/a', '/a/**', '/*/b', undefined),
    methods: fc.constantFrom(['GET'], ['POST', 'GET'], undefined),
  })
  const request = fc.tuple(
    fc.constantFrom('http' as const, 'https' as const),
    host,
    fc.constantFrom(80, 443),
    fc.constantFrom('GET', 'POST'),
    fc.constantFrom('/a', '/a/b', '/c/b', '/a?q'),
  )
  const property = fc.property(
    fc.array(match, { maxLength: 12 }),
    request,
    (matches, [scheme, name, port, method, path]) => {
      const routes = matches.map((one, i) => route(String(i), one))
      const slow = routes.find(
        ({ match: m }) =>
          (m.scheme ?? scheme) === scheme &&
          (m.port ?? port) === port &&
          hostFits(m.host, name) &&
          (m.methods?.includes(method) ?? true) &&
          (m.path === undefined || compilePath(m.path)(path.split('?')[0] ?? '')),
      )
      return createRouteTable(routes).find(scheme, name, port, method, path) === slow
    },
  )
  holds(t, property, 3_000)
  t.end()
})

t.test('a mount is found at the border of a segment only', t => {
  const table = createRouteTable([route('o', {}, '/openai'), route('d', {}, '/deep/er')])
  const rows: [string, string | undefined, string?][] = [
    ['/openai', 'o', ''],
    ['/openai/x', 'o', '/x'],
    ['/openai?x=/1', 'o', '?x=/1'],
    ['/openai/?x', 'o', '/?x'],
    ['/openaix', undefined],
    ['/open', undefined],
    ['/?/openai', undefined],
    ['/deep/er/x', 'd', '/x'],
    ['/deep', undefined],
    ['/', undefined],
    ['*', undefined],
    [`/${'a/'.repeat(50_000)}`, undefined],
  ]
  for (const [target, name, rest] of rows) {
    const found = table.findMount(target)
    t.equal(found?.route.name, name, target.slice(0, 40))
    t.equal(found?.rest, rest)
  }
  t.equal(createRouteTable([route('a', {})]).findMount('/x'), undefined)
  t.end()
})
