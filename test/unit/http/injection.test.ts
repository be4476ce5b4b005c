import fc from 'fast-check'
import t from 'tap'
import { type Carrier, type Injection, inject, unfitCarrier, wantsToken } from '../../../src/http/injection.js'
import { holds } from '../../support/property.js'

const BEARER: Carrier = { kind: 'bearer' }
const HEADER: Carrier = { kind: 'header', name: 'X-Api-Key' }
const BASIC: Carrier = { kind: 'basic', username: 'me' }
const QUERY: Carrier = { kind: 'query', name: 'key' }
const CARRIERS = [BEARER, HEADER, BASIC, QUERY]

const always = (carrier: Carrier): Injection => ({ carrier, when: 'always' })
const absent = (carrier: Carrier): Injection => ({ carrier, when: 'absent' })
const placeholder = (carrier: Carrier): Injection => ({ carrier, when: { placeholder: '{TOKEN}' } })

const base64 = (text: string, charset: BufferEncoding = 'utf8'): string => Buffer.from(text, charset).toString('base64')
const basic = (text: string): string => `Basic ${base64(text)}`

const fieldsOf = (injection: Injection, token: string, fields: string[]): unknown => {
  const result = inject(injection, token, fields, '/p?q=1')
  if (result === undefined || 'refuse' in result) return result
  t.equal(result.path, '/p?q=1', 'a field leaves the target alone')
  return result.fields
}

t.test('always: the token stands where the client had its own, once, or comes last', t => {
  const rows: [Carrier, string[], string[]][] = [
    [BEARER, ['Host', 'h', 'Accept', 'a'], ['Host', 'h', 'Accept', 'a', 'Authorization', 'Bearer T']],
    [BEARER, ['AUTHorization', 'Basic x', 'b', ''], ['AUTHorization', 'Bearer T', 'b', '']],
    [BEARER, ['authorization', 'x', 'A', '1', 'Authorization', 'y'], ['authorization', 'Bearer T', 'A', '1']],
    [HEADER, ['x-api-key', 'mine', 'Authorization', 'kept'], ['x-api-key', 'T', 'Authorization', 'kept']],
    [HEADER, ['X-Api-Key2', 'kept'], ['X-Api-Key2', 'kept', 'X-Api-Key', 'T']],
    [BASIC, [], ['Authorization', basic('me:T')]],
    [{ kind: 'basic', username: '' }, [], ['Authorization', basic(':T')]],
    [{ kind: 'header', name: 'authorization' }, ['Authorization', 'x'], ['Authorization', 'T']],
  ]
  for (const [carrier, fields, expected] of rows) t.same(fieldsOf(always(carrier), 'T', fields), expected)
  t.same(fieldsOf(always(BASIC), 'pä:ß€', []), ['Authorization', basic('me:pä:ß€')], 'RFC 7617: UTF-8, and any colon')
  t.same(fieldsOf(always({ kind: 'basic', username: 'zoë' }), '', []), { refuse: 'the token is empty' })
  t.end()
})

t.test('absent: what the client sent is kept, unless it is only blanks', t => {
  for (const carrier of [BEARER, BASIC]) {
    t.equal(fieldsOf(absent(carrier), 'T', ['authorization', 'Digest x']), undefined)
    t.same(fieldsOf(absent(carrier), 'T', ['authorization', ' \t']), [
      'authorization',
      carrier === BASIC ? basic('me:T') : 'Bearer T',
    ])
  }
  t.equal(fieldsOf(absent(HEADER), 'T', ['x-api-key', '', 'X-API-KEY', 'mine']), undefined)
  t.same(fieldsOf(absent(HEADER), 'T', ['Authorization', 'Bearer mine']), [
    'Authorization',
    'Bearer mine',
    'X-Api-Key',
    'T',
  ])
  t.equal(inject(absent(QUERY), 'T', [], '/p?a=1&k%65y=mine'), undefined)
  t.same(inject(absent(QUERY), 'T', [], '/p?key=&a=1'), { fields: [], path: '/p?key=T&a=1' })
  t.end()
})

t.test('placeholder: the token stands only where the client wrote the placeholder', t => {
  const rows: [Carrier, string, string | undefined][] = [
    [BEARER, 'Bearer {TOKEN}', 'Bearer T$&'],
    [BEARER, 'Token token={TOKEN}; again={TOKEN}', 'Token token=T$&; again=T$&'],
    [BEARER, 'Bearer mine', undefined],
    [BEARER, 'Bearer {token}', undefined],
    [BEARER, basic('git:{TOKEN}'), basic('git:T$&')],
    [BEARER, `basic  ${base64('{TOKEN}:x')}`, `basic  ${base64('T$&:x')}`],
    [BEARER, basic('git:mine'), undefined],
    [BASIC, basic('their-name:{TOKEN}'), basic('their-name:T$&')],
    [BASIC, 'Bearer {TOKEN}', undefined],
    [BASIC, 'Basic {TOKEN}', undefined],
  ]
  for (const [carrier, value, expected] of rows) {
    const result = fieldsOf(placeholder(carrier), 'T$&', ['A', '{TOKEN}', 'Authorization', value])
    t.same(result, expected && ['A', '{TOKEN}', 'Authorization', expected], value)
  }
  t.equal(fieldsOf(placeholder(BEARER), 'T', ['A', '{TOKEN}']), undefined)
  t.same(fieldsOf(placeholder(HEADER), 'T', ['x-api-key', 'mine', 'X-Api-Key', 'v1 {TOKEN}']), [
    'x-api-key',
    'mine',
    'X-Api-Key',
    'v1 T',
  ])
  t.same(inject(placeholder(QUERY), 'T&', [], '/p?a={TOKEN}&key=%7bTOKEN%7D.x&key=mine'), {
    fields: [],
    path: '/p?a={TOKEN}&key=T%26.x&key=mine',
  })
  t.equal(inject(placeholder(QUERY), 'T', [], '/p?a={TOKEN}&key=mine'), undefined)
  t.end()
})

t.test('placeholder: a user name in another charset keeps its bytes', t => {
  const value = `Basic ${base64('zo\xeb:{TOKEN}', 'latin1')}`
  const expected = `Basic ${Buffer.concat([Buffer.from('zo\xeb:', 'latin1'), Buffer.from('pä€')]).toString('base64')}`
  t.same(fieldsOf(placeholder(BASIC), 'pä€', ['Authorization', value]), ['Authorization', expected])
  t.end()
})

t.test('a query carries the token percent-encoded, once', t => {
  t.same(inject(always(QUERY), 'a b&=/é', ['A', '1'], '/p?x=%zz&key=1&y=&key=2#'), {
    fields: ['A', '1'],
    path: '/p?x=%zz&key=a%20b%26%3D%2F%C3%A9&y=',
  })
  t.equal(inject(always(QUERY), 'T', [], '*'), undefined, 'OPTIONS * has no query')
  t.notOk(wantsToken(always(QUERY), [], '*'))
  t.ok(wantsToken(always(BEARER), [], '*'))
  t.end()
})

t.test('a token that cannot be carried is refused with a reason that does not hold it', t => {
  const rows: [string, string, string][] = [
    // bearer and header carry, basic and query carry, by the words of refusal: `-` is carried
    ['', 'empty', 'empty'],
    ['s3cr\net', 'control', 'control'],
    ['s3cret\r\nX: y', 'control', 'control'],
    ['s3cr\tet', 'control', 'control'],
    ['s3cr\0et', 'control', 'control'],
    ['s3cr\x7fet', 'control', 'control'],
    ['s3cr\x85et', 'control', 'control'],
    ['s3cret€', 'latin1', '-'],
    ['s3cret😀', 'latin1', '-'],
    ['s3cr\ud800et', 'well-formed', 'well-formed'],
    [' s3cret', 'blank', '-'],
    ['s3cret\xa0', 'blank', '-'],
    ['s3cr\xe9t', '-', '-'],
    ['1|s3cret:/+~=,"', '-', '-'],
  ]
  for (const [token, asField, inside] of rows) {
    for (const carrier of CARRIERS) {
      const expected = carrier === BEARER || carrier === HEADER ? asField : inside
      const result = inject(always(carrier), token, [], '/')
      const reason = result !== undefined && 'refuse' in result ? result.refuse : '-'
      t.match(reason, expected, `${carrier.kind} ${JSON.stringify(token)}`)
      t.notMatch(reason, 's3cr')
    }
  }
  t.match(inject(always(BEARER), 'Error: not logged in', [], '/'), { refuse: 'the token holds a space' })
  t.same(fieldsOf(always(HEADER), 'Token abc', []), ['X-Api-Key', 'Token abc'])
  t.end()
})

t.test('a carrier that carries nothing is told at once', t => {
  for (const name of ['Host', 'connection', 'Content-Length', 'Proxy-Authorization', 'TE']) {
    t.match(unfitCarrier({ kind: 'header', name }), name)
    t.match(inject(always({ kind: 'header', name }), 'T', [], '/'), { refuse: name })
  }
  t.match(unfitCarrier({ kind: 'basic', username: 'a:b' }), 'Basic')
  t.match(unfitCarrier({ kind: 'basic', username: 'a\nb' }), 'Basic')
  t.match(unfitCarrier({ kind: 'query', name: 'a\nb' }), 'control')
  for (const carrier of CARRIERS) t.equal(unfitCarrier(carrier), undefined)
  t.end()
})

t.test('F1: a client that names our field in Connection neither keeps its own nor removes ours', t => {
  const fields = ['Connection', 'Upgrade, X-API-KEY', 'Upgrade', 'websocket', 'x-api-key', 'mine']
  const expected = ['Connection', 'upgrade', 'Upgrade', 'websocket', 'X-Api-Key', 'T']
  t.same(fieldsOf(always(HEADER), 'T', fields), expected)
  t.same(fieldsOf(absent(HEADER), 'T', fields), expected, 'what is not forwarded is absent')
  t.equal(fieldsOf(placeholder(HEADER), 'T', [...fields, 'x-api-key', '{TOKEN}']), undefined)
  t.same(fieldsOf(always(BEARER), 'T', ['Connection', 'authorization']), [
    'Connection',
    'authorization',
    'Authorization',
    'Bearer T',
  ])
  t.end()
})

const name = fc.constantFrom('Authorization', 'authorization', 'X-Api-Key', 'x-api-key', 'Accept', 'Connection')
const value = fc.constantFrom(
  '',
  ' ',
  'close',
  'x-api-key',
  'Bearer {TOKEN}',
  'Bearer x',
  basic('u:{TOKEN}'),
  '{TOKEN}',
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 6 }).map(pairs => pairs.flat())
const path = fc.constantFrom('/', '/p?', '/p?key=1&a=2', '/p?a=1&key={TOKEN}&key=2', '/?key=', '*')
const injection = fc.tuple(fc.constantFrom(...CARRIERS), fc.constantFrom(always, absent, placeholder))

const unbase64 = (text: string): string => Buffer.from(text.replace(/^basic /i, ''), 'base64').toString()

t.test('it injects exactly when it wants a token, and the token is then to be found in its place', t => {
  const token = fc.string({ unit: fc.constantFrom(...'TUV$&.~'), maxLength: 8 }).map(rest => `~$&!${rest}`)
  const property = fc.property(injection, token, fields, path, ([carrier, make], secret, some, target) => {
    const given = structuredClone(some)
    const result = inject(make(carrier), secret, some, target)
    const wanted = wantsToken(make(carrier), some, target)
    if (JSON.stringify(some) !== JSON.stringify(given) || wanted !== (result !== undefined)) return false
    if (result === undefined) return true
    if ('refuse' in result) return false
    const decoded = [...result.fields, decodeURIComponent(result.path)].flatMap(text => [text, unbase64(text)])
    return decoded.some(text => text.includes(secret))
  })
  holds(t, property, 3_000)
  t.end()
})
