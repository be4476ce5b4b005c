import fc from 'fast-check'
import t from 'tap'
import { type Challenge, readChallenges } from '../../../src/http/auth-challenge.js'
import { holds } from '../../support/property.js'

/** `scheme(token68) name=value name=value`, one challenge after the other. */
const show = (challenges: readonly Challenge[]): string =>
  challenges
    .map(({ scheme, token68, params }) =>
      [
        token68 === undefined ? scheme : `${scheme}(${token68})`,
        ...[...params].map(([name, value]) => `${name}=<${value}>`),
      ].join(' '),
    )
    .join(' | ')

const read = (...lines: string[]): string => show(readChallenges(lines.flatMap(line => ['WWW-Authenticate', line])))

t.test('TR-11: challenges are read as RFC 9110 writes them', t => {
  const rows: [string, string][] = [
    ['Basic', 'basic'],
    ['Bearer realm="example"', 'bearer realm=<example>'],
    ['bEARER error=invalid_token', 'bearer error=<invalid_token>'],
    [
      'Bearer error="invalid_token", error_description="expired"',
      'bearer error=<invalid_token> error_description=<expired>',
    ],
    ['Bearer Realm = "a" ,\tERROR= "b"', 'bearer realm=<a> error=<b>'],
    [
      'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
      'basic realm=<simple> | newauth realm=<apps> type=<1> title=<Login to "apps">',
    ],
    ['Bearer, Basic realm="x", Negotiate', 'bearer | basic realm=<x> | negotiate'],
    ['Negotiate', 'negotiate'],
    ['Negotiate YII/abc+12==', 'negotiate(YII/abc+12==)'],
    ['Negotiate oYG2, NTLM, Basic realm=a', 'negotiate(oYG2) | ntlm | basic realm=<a>'],
    ['NTLM TlRM~-._/+=, Bearer error="x"', 'ntlm(TlRM~-._/+=) | bearer error=<x>'],
    [
      'Digest realm="a, b", qop="auth,auth-int", nonce="=\\\\=", Basic',
      'digest realm=<a, b> qop=<auth,auth-int> nonce=<=\\=> | basic',
    ],
    ['Bearer realm="Basic realm=\\"x\\", Digest", error="e"', 'bearer realm=<Basic realm="x", Digest> error=<e>'],
    ['Bearer realm=""', 'bearer realm=<>'],
    [',, Bearer ,, error="e" , ,', 'bearer error=<e>'],
    ['Bearer error="first", Error="second"', 'bearer error=<first>'],
    ['Bearer __proto__="x"', 'bearer __proto__=<x>'],
    ['DPoP error="use_dpop_nonce", algs="ES256"', 'dpop error=<use_dpop_nonce> algs=<ES256>'],
    ['Bearer realm="caf\xe9"', 'bearer realm=<caf\xe9>'],
  ]
  for (const [line, expected] of rows) t.equal(read(line), expected, line)
  t.end()
})

t.test('TR-11: what is malformed costs itself only', t => {
  const rows: [string, string][] = [
    ['', ''],
    [' \t, ,', ''],
    ['"', ''],
    ['= , ()', ''],
    ['error="invalid_token"', ''],
    ['"Basic realm=x", Bearer error="e"', 'bearer error=<e>'],
    ['Bearer error="invalid_token', 'bearer error=<invalid_token>'],
    ['Bearer error="invalid\\', 'bearer error=<invalid>'],
    ['Bearer error="a" error_description="b"', 'bearer error=<a> error_description=<b>'],
    ['Bearer error="a"; error_description="b"', 'bearer error=<a> error_description=<b>'],
    ['Bearer error="a",, ,scope="b"', 'bearer error=<a> scope=<b>'],
    [
      'Bearer error_description=The token has expired, error=invalid_token',
      'bearer error_description=<The> error=<invalid_token>',
    ],
    ['Bearer Basic realm=x', 'bearer realm=<x>'],
    [
      'Bearer authorization_uri=https://id.example/a?b=c, error=e',
      'bearer authorization_uri=<https://id.example/a?b=c> error=<e>',
    ],
    ['Bearer error=, scope="b"', 'bearer(error=) scope=<b>'],
    ['Bearer realm="a", error=, scope="b"', 'bearer realm=<a> error=<> scope=<b>'],
    ['Bearer: error="e"', 'bearer error=<e>'],
    ['Bearer {error="e"}', 'bearer error=<e>'],
    ['Bearer realm="a"b"c", error="e"', 'bearer realm=<a> error=<e>'],
    ['Negotiate a=b=c, Basic', 'negotiate a=<b=c> | basic'],
  ]
  for (const [line, expected] of rows) t.equal(read(line), expected, line)
  t.end()
})

t.test('TR-11: several lines are one list, and an open quote ends with its line', t => {
  t.equal(read('Basic realm="a"', 'Bearer error="e"'), 'basic realm=<a> | bearer error=<e>')
  t.equal(read('Bearer realm="a"', 'error="e"'), 'bearer realm=<a> error=<e>', 'a proxy may have split it there')
  t.equal(read('Basic realm="a', 'Bearer error="e"'), 'basic realm=<a> | bearer error=<e>')
  t.equal(read('Basic realm=a b', 'Bearer error="e"'), 'basic realm=<a> | bearer error=<e>')
  const fields = [
    'Server',
    'x',
    'www-AUTHENTICATE',
    'Basic',
    'Proxy-Authenticate',
    'Digest',
    'WWW-Authenticate',
    'Bearer',
  ]
  t.equal(show(readChallenges(fields)), 'basic | bearer', 'in any case, and of no other field')
  t.same(readChallenges([]), [])
  t.end()
})

const token = fc.string({ unit: fc.constantFrom(..."abzABZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 8 })
const text = fc.string({ unit: fc.constantFrom(...'ab ,;="\\()\t\xe9'), maxLength: 12 })
const params = fc.uniqueArray(fc.tuple(token, text), { maxLength: 4, selector: ([name]) => name.toLowerCase() })
const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
const comma = fc.constantFrom(',', ', ', ' ,\t', ',, ')

t.test('TR-11: whatever can be written is read back, on one line or on several', t => {
  const challenges = fc.array(fc.tuple(token, params), { minLength: 1, maxLength: 4 })
  const property = fc.property(challenges, comma, fc.boolean(), (written, between, split) => {
    const lines = written.map(([scheme, pairs]) =>
      `${scheme} ${pairs.map(([name, value]) => `${name}=${quoted(value)}`).join(between)}`.trimEnd(),
    )
    const found = split ? read(...lines) : read(lines.join(between))
    const expected = written.map(([scheme, pairs]) => ({
      scheme: scheme.toLowerCase(),
      token68: undefined,
      params: new Map(pairs.map(([name, value]) => [name.toLowerCase(), value])),
    }))
    return found === show(expected)
  })
  holds(t, property, 2_000)
  t.end()
})

t.test('TR-11: no line makes it throw, and every scheme it finds stands in the line', t => {
  const pieces = fc.constantFrom(
    'Bearer ',
    'Basic',
    ' realm',
    '=',
    '"',
    '\\',
    ',',
    ' ',
    'error="x"',
    '\t',
    '==',
    '\x00',
    '\xff',
    '(',
  )
  const line = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map(all => all.join('')),
    fc.string({ unit: 'binary' }),
  )
  const property = fc.property(fc.array(line, { maxLength: 3 }), lines => {
    const whole = lines.join('\n').toLowerCase()
    return readChallenges(lines.flatMap(value => ['www-authenticate', value])).every(({ scheme }) =>
      whole.includes(scheme),
    )
  })
  holds(t, property, 3_000)
  t.end()
})

t.test('TR-11: a hostile line costs no more than reading it', t => {
  const size = 200_000
  const units = [
    'a',
    ' ',
    ',',
    '"',
    '\\',
    '=',
    'a=',
    '"\\',
    'a ',
    'a,',
    'a ,',
    'a a,',
    'a b=',
    'a="',
    'a=" ',
    '\\"',
    '(',
    'a\t=',
  ]
  const startedAt = process.cpuUsage().user
  for (const unit of units) {
    const run = unit.repeat(size / unit.length)
    for (const line of [run, `Bearer ${run}`, `Bearer a="${run}`, `Bearer a${run}x y`, `Bearer a=="${run}"`]) read(line)
  }
  t.ok(process.cpuUsage().user - startedAt < 10e6, '18 MB in under ten seconds of CPU')
  t.end()
})
