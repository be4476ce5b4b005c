import fc from 'fast-check'
import t from 'tap'
import { SourceError } from '../../../src/credential/source.js'
import { asFetched, decodeText, jwtExpiry } from '../../../src/credential/token-text.js'
import { START } from '../../support/clock.js'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown): string => `${part({ alg: 'none' })}.${part(claims)}.c2ln`
const soon = START / 1_000 + 60

const rejection = (text: string, stated?: number): unknown => {
  try {
    return asFetched(text, stated, START, 'it')
  } catch (error) {
    return error instanceof SourceError && !error.permanent ? error.message : error
  }
}

t.test('a token is trimmed and otherwise as it was', t => {
  t.strictSame(asFetched(' \r\ntok en\n', undefined, START, 'it'), { token: 'tok en', expiresAt: undefined })
  t.equal(asFetched(decodeText(Buffer.from('\ufefftöken\n'), 'it'), undefined, START, 'it').token, 'töken')
  t.end()
})

t.test('TR-01: the earlier of the stated expiry and the exp of a JWT counts', t => {
  const cases: [string, string, number | undefined, number | undefined][] = [
    ['none', 'opaque', undefined, undefined],
    ['only stated', 'opaque', START + 5, START + 5],
    ['only a JWT', jwt({ exp: soon }), undefined, START + 60_000],
    ['the JWT is earlier', jwt({ exp: soon }), START + 90_000, START + 60_000],
    ['the statement is earlier', jwt({ exp: soon }), START + 30_000, START + 30_000],
    ['a fraction of a second', jwt({ exp: soon + 0.5 }), undefined, START + 60_500],
  ]
  for (const [name, token, stated, expiresAt] of cases) {
    t.equal(asFetched(token, stated, START, 'it').expiresAt, expiresAt, name)
  }
  t.end()
})

t.test('TR-06: a token that has ended is none', t => {
  const reason = /^it gave a token that ended at 2026-01-01T00:00:00.000Z; is the clock/
  t.match(rejection(jwt({ exp: START / 1_000 })), reason)
  t.match(rejection('opaque', START), reason)
  t.match(rejection(jwt({ exp: -1e300 })), /ended at 1970-01-01/)
  t.end()
})

t.test('what is no token says why, and nothing of what it was', t => {
  const cases: [string, RegExp][] = [
    ['', /an empty token/],
    [' \n\t', /an empty token/],
    ['canary\ncanary', /more than one line/],
    ['canary\x00', /control characters/],
    ['c\x00a\x00n\x00', /control characters/],
    ['canary'.repeat(20_000), /longer than 64 KiB/],
  ]
  for (const [text, reason] of cases) {
    t.match(rejection(text), reason)
    t.notMatch(rejection(text), /canary/)
  }
  t.throws(() => decodeText(Uint8Array.of(0xff, 0xfe, 0x80), 'it'), { message: 'it gave bytes that are no UTF-8 text' })
  t.end()
})

t.test('only three parts with a number for exp have the expiry of a JWT', t => {
  const rows = [
    'opaque',
    'a.b',
    'a.b.c',
    `x.${part({ exp: soon })}`,
    `x.${part({ exp: soon })}.y.z`,
    jwt({}),
    jwt({ exp: String(soon) }),
    jwt({ exp: null }),
    jwt([soon]),
    jwt(null),
    `x.${Buffer.from('{"exp":1e999}').toString('base64url')}.y`,
  ]
  for (const row of rows) t.equal(jwtExpiry(row), undefined, row)
  t.end()
})

t.test('any text is a token or a SourceError', t => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc
          .tuple(fc.string(), fc.json(), fc.string())
          .map(parts => parts.map(text => Buffer.from(text).toString('base64url')).join('.')),
      ),
      text => {
        try {
          return asFetched(text, undefined, START, 'it').token === text.trim()
        } catch (error) {
          return error instanceof SourceError
        }
      },
    ),
  )
  t.end()
})
