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
  const ofOrigin = (...not: readonly string[]) =>
    table.findOfOrigin('https', 'b.test', 8443, ({ name }) => !not.includes(name))?.name
  t.strictSame(
    [ofOrigin(), ofOrigin('posts'), ofOrigin('posts', 'tls'), ofOrigin('posts', 'tls', 'rest')],
    ['posts', 'tls', 'rest', undefined],
    'method and path do not count',
  )
  t.end()
})

/** What the file means: every route is looked at, from top to bottom. */
function slowly<R extends { readonly match: Match }>(
  routes: readonly R[],
  [scheme, name, port, method, path]: Request,
) {
  return routes.find(
    ({ match: m }) =>
      (m.scheme ?? scheme) === scheme &&
      (m.port ?? port) === port &&
      hostFits(m.host, name) &&
      (m.methods?.includes(method) ?? true) &&
      (m.path === undefined || compilePath(m.path)(path.split('?')[0] ?? '')),
  )
}

type Request = readonly [scheme: 'http' | 'https', host: string, port: number, method: string, path: string]

const scheme = fc.constantFrom('http' as const, 'https' as const)
const host = fc.constantFrom('a.b', 'c.a.b', 'd.c.a.b', 'b', 'x')
const port = fc.constantFrom(80, 443)
const orNot = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })

t.test('a table finds what a look from top to bottom finds', t => {
  const match = fc.record({
    scheme: orNot(scheme),
    host: fc.oneof(
      host,
      host.map(name => `*.${name}`),
      fc.constant('*'),
    ),
    port: orNot(port),
    path: fc.constantFrom('/a', '/a/**', '/*/b', undefined),
    methods: fc.constantFrom(['GET'], ['POST', 'GET'], undefined),
  })
  const path = fc.constantFrom('/a', '/a/b', '/c/b', '/a?q')
  const request = fc.tuple(scheme, host, port, fc.constantFrom('GET', 'POST'), path)
  const property = fc.property(fc.array(match, { maxLength: 12 }), request, (matches, asked) => {
    const routes = matches.map((one, i) => route(String(i), one))
    return createRouteTable(routes).find(...asked) === slowly(routes, asked)
  })
  holds(t, property, 3_000)
  t.end()
})

t.test('however many routes one host has, the first of the file is found', t => {
  const text = (parts: readonly string[]) => fc.array(fc.constantFrom(...parts), { maxLength: 6 })
  const glob = text(['a', 'b', 'ab', '/', '/', '*', '**'])
    .map(parts => `/${parts.join('')}`)
    .filter(path => !path.includes('***'))
  const match = fc.record({
    scheme: orNot(scheme),
    host: fc.constantFrom('*', 'a.b', '*.b'),
    port: orNot(port),
    path: orNot(glob),
    methods: orNot(fc.constantFrom(['GET'], ['POST', 'GET'], ['PUT'], ['GET', 'GET'])),
  })
  const path = fc.oneof(
    text(['a', 'b', 'ab', '/', '/']).map(parts => `/${parts.join('')}`),
    fc.constantFrom('*', '/a?b/a'),
  )
  const request = fc.tuple(scheme, fc.constant('a.b'), port, fc.constantFrom('GET', 'POST', 'PUT'), path)
  const routes = fc.array(match, { minLength: 9, maxLength: 60 })
  // Most routes of such a list take nearly nothing, so that every place in it is found at times.
  const property = fc.property(routes, fc.array(request, { minLength: 20, maxLength: 20 }), (matches, requests) => {
    const list = matches.map((one, i) => route(String(i), one))
    const table = createRouteTable(list)
    return requests.every(asked => table.find(...asked) === slowly(list, asked))
  })
  holds(t, property, 3_000)
  t.end()
})

t.test('a look-up among 10,000 routes takes no more than a few among ten', t => {
  const shapes: Readonly<Record<string, (i: number) => readonly [Partial<Match>, string, number]>> = {
    hosts: i => [{ host: `h${i}.test` }, `http://h${i}.test/`, 80],
    suffixes: i => [{ host: `*.h${i}.test` }, `http://x.h${i}.test/`, 80],
    'beginnings of paths': i => [{ host: 'a.test', path: `/v1/t${i}/**` }, `http://a.test/v1/t${i}/x`, 80],
    'paths in half segments': i => [{ path: `/v1/t${i}-*` }, `http://a.test/v1/t${i}-x`, 80],
    'ends of paths': i => [{ path: `/**/t${i}` }, `http://a.test/x/y/t${i}`, 80],
    'segments behind a star': i => [{ path: `/*/t${i}/**` }, `http://a.test/x/t${i}/y`, 80],
    ports: i => [{ host: 'a.test', port: 10_000 + i }, 'http://a.test/', 10_000 + i],
  }
  const micros = (shape: (i: number) => readonly [Partial<Match>, string, number], count: number) => {
    const table = createRouteTable(Array.from({ length: count }, (_, i) => route(String(i), shape(i)[0])))
    const [, url, port] = shape(count - 1)
    const { hostname, pathname } = new URL(url)
    const find = () => table.find('http', hostname, port, 'GET', pathname)
    t.equal(find()?.name, String(count - 1))
    const best = (rounds: number): number => {
      const { user, system } = process.cpuUsage()
      for (let i = 0; i < 2_000; i++) find()
      const spent = process.cpuUsage({ user, system })
      return rounds === 0 ? spent.user : Math.min(spent.user, best(rounds - 1))
    }
    return best(5) / 2_000
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const [few, many] = [micros(shape, 10), micros(shape, 10_000)]
    // Ten times is far from a thousand times, and from what a busy machine makes of it.
    t.ok(many < 10 * few + 5, `${name}: ${few.toFixed(2)} and ${many.toFixed(2)} µs`)
  }
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
