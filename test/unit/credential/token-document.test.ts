import fc from 'fast-check'
import t from 'tap'
import { type Fetched, SourceError } from '../../../src/credential/source.js'
import { readExecCredential, readTokenDocument } from '../../../src/credential/token-document.js'
import { START } from '../../support/clock.js'

type Reader = (text: string, askedAt: number, origin: string) => Fetched

const outcome = (read: Reader, document: unknown): unknown => {
  try {
    const { token, expiresAt } = read(typeof document === 'string' ? document : JSON.stringify(document), START, 'it')
    return [token, expiresAt === undefined ? undefined : expiresAt - START]
  } catch (error) {
    return error instanceof SourceError && !error.permanent ? error.message.replace(/^it /, '') : error
  }
}

t.test('T7: a JSON object has its token and expiry under the names that tools use', t => {
  const unix = START / 1_000
  const cases: [string, unknown, unknown][] = [
    ['RFC 6749', { access_token: 'a', token_type: 'Bearer', expires_in: 60 }, ['a', 60_000]],
    ['seconds as text', { access_token: 'a', expires_in: '3599' }, ['a', 3_599_000]],
    ['Azure', { access_token: 'a', expires_in: '60', expires_on: String(unix + 50) }, ['a', 50_000]],
    [
      'the Azure CLI',
      { accessToken: 'a', expiresOn: '2026-01-01 01:00:00.000000', expires_on: unix + 9 },
      ['a', 9_000],
    ],
    ['Google', { version: 1, success: true, id_token: 'a', expiration_time: unix + 7 }, ['a', 7_000]],
    ['golang/oauth2', { access_token: 'a', expiry: '2026-01-01T01:00:01.123456789+01:00' }, ['a', 1_123]],
    ['AWS', { token: 'a', expiration: '2026-01-01T00:00:05Z' }, ['a', 5_000]],
    ['milliseconds', { token: 'a', expires_at: START + 5 }, ['a', 5]],
    ['nothing said', { token: 'a' }, ['a', undefined]],
    ['written out, not known', { token: 'a', expires_in: null, expires_at: '' }, ['a', undefined]],
    ['the earlier one', { token: 'a', expires_in: 5, expires_at: unix + 9 }, ['a', 5_000]],
  ]
  for (const [name, document, expected] of cases) t.strictSame(outcome(readTokenDocument, document), expected, name)
  t.end()
})

t.test('what is wrong with a JSON answer is said', t => {
  const span = 'gave an "expires_in" that is no number of seconds above 0'
  const instant = 'gave an "expires_at" that is no Unix time and no RFC 3339 time'
  const cases: [unknown, string | RegExp][] = [
    ['<html>canary</html>', 'gave something that is no JSON object'],
    ['{"token":"canary"', 'gave something that is no JSON object'],
    [['canary'], 'gave something that is no JSON object'],
    ['"canary"', 'gave something that is no JSON object'],
    [{ error: 'canary' }, 'gave a JSON object without access_token, accessToken, token, id_token'],
    [{ token: 42 }, 'gave a "token" that is no text'],
    [{ token: null }, 'gave a "token" that is no text'],
    [{ token: '' }, 'gave an empty token'],
    [{ token: 'canary', expires_in: -1 }, span],
    [{ token: 'canary', expires_in: 0 }, span],
    [{ token: 'canary', expires_in: 'canary' }, span],
    [{ token: 'canary', expires_in: true }, span],
    ['{"token":"canary","expires_in":1e999}', span],
    [{ token: 'canary', expires_at: 'canary' }, instant],
    [{ token: 'canary', expires_at: '2030-01-01T00:00:00' }, instant],
    [{ token: 'canary', expires_at: '2030-13-01T00:00:00Z' }, instant],
    [{ token: 'canary', expires_at: -1 }, instant],
    [{ token: 'canary', expires_at: 1 }, /^gave a token that ended at 1970-01-01T00:00:01.000Z/],
    [{ success: false, code: '401', message: 'canary', token: 'canary' }, 'said that it had no success'],
  ]
  for (const [document, expected] of cases) {
    const said = outcome(readTokenDocument, document)
    if (typeof expected === 'string') t.equal(said, expected, JSON.stringify(document))
    else t.match(said, expected)
    t.notMatch(said, /canary/)
  }
  t.end()
})

t.test('T7: an ExecCredential of both versions is understood', t => {
  for (const version of ['v1', 'v1beta1']) {
    const document = (status: unknown) => ({
      apiVersion: `client.authentication.k8s.io/${version}`,
      kind: 'ExecCredential',
      status,
    })
    const full = document({ token: 'a', expirationTimestamp: '2026-01-01T00:15:00Z' })
    t.strictSame(outcome(readExecCredential, full), ['a', 900_000])
    t.strictSame(outcome(readExecCredential, document({ token: 'a' })), ['a', undefined])
    const wrong: [unknown, string][] = [
      [undefined, 'gave an ExecCredential with no token'],
      [{}, 'gave an ExecCredential with no token'],
      [{ clientCertificateData: 'x' }, 'gave an ExecCredential with a client certificate instead of a token'],
      [{ token: 1 }, 'gave a "token" that is no text'],
      [
        { token: 'a', expirationTimestamp: 'soon' },
        'gave an "expirationTimestamp" that is no Unix time and no RFC 3339 time',
      ],
    ]
    for (const [status, reason] of wrong) t.equal(outcome(readExecCredential, document(status)), reason)
  }
  t.equal(outcome(readExecCredential, { token: 'a' }), 'gave something that is no ExecCredential')
  t.equal(
    outcome(readExecCredential, { apiVersion: 'client.authentication.k8s.io/v2', kind: 'ExecCredential' }),
    'gave an ExecCredential of another version than v1 and v1beta1',
  )
  t.end()
})

t.test('any JSON gives a token or a SourceError that does not quote it', t => {
  const value = fc.oneof(fc.jsonValue(), fc.constant('q-canary-q'), fc.integer(), fc.double())
  const keys = ['access_token', 'token', 'expires_in', 'expires_at', 'kind', 'apiVersion', 'status']
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), value), document => {
      for (const read of [readTokenDocument, readExecCredential]) {
        const said = outcome(read, document)
        if (typeof said === 'string' ? said.includes('q-canary-q') : !Array.isArray(said)) return false
      }
      return true
    }),
  )
  t.end()
})
