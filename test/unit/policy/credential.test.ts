import fc from 'fast-check'
import t from 'tap'
import type { Carrier } from '../../../src/http/injection.js'
import { challengeSays, decideRenewal, type RenewalFacts } from '../../../src/policy/credential.js'
import { millis, seconds } from '../../../src/time/units.js'
import { holds } from '../../support/property.js'

type Kind = Carrier['kind']
const KINDS: readonly Kind[] = ['bearer', 'basic', 'header', 'query']

const challenged = (...lines: string[]): string[] => lines.flatMap(line => ['WWW-Authenticate', line])
const refused = (...lines: string[]) => ({ status: 401, fields: challenged(...lines) })

/** An attempt that carried our bearer token, with nothing in the way of a renewal. */
const facts = (changes: Partial<RenewalFacts> = {}): RenewalFacts => ({
  carrier: 'bearer',
  renewed: false,
  repeatable: true,
  timeLeft: seconds(10),
  ...changes,
})

t.test('TR-11: a challenge decides whether a renewal may help', t => {
  const rows: [string, 'renew' | 'pass', 'renew' | 'pass', 'renew' | 'pass'][] = [
    // the challenge, and what it says to a bearer token, to Basic, and to an API key
    ['Bearer', 'renew', 'pass', 'renew'],
    ['Bearer realm="a"', 'renew', 'pass', 'renew'],
    ['bearer ERROR="Invalid_Token"', 'renew', 'pass', 'renew'],
    ['Bearer error=expired', 'renew', 'pass', 'renew'],
    ['Bearer error="insufficient_scope", scope="x"', 'pass', 'pass', 'pass'],
    ['Bearer error="invalid_request"', 'pass', 'pass', 'pass'],
    ['Bearer error="insufficient_user_authentication"', 'pass', 'pass', 'pass'],
    ['Bearer realm="error=insufficient_scope"', 'renew', 'pass', 'renew'],
    ['Basic realm="a"', 'pass', 'renew', 'pass'],
    ['Negotiate', 'pass', 'pass', 'pass'],
    ['DPoP error="use_dpop_nonce", algs="ES256"', 'pass', 'pass', 'pass'],
    ['DPoP error="invalid_token"', 'pass', 'pass', 'pass'],
    ['Key realm="gateway"', 'pass', 'pass', 'renew'],
    ['Basic realm="a", Bearer error="invalid_token"', 'renew', 'renew', 'renew'],
    ['Bearer error="insufficient_scope", Basic realm="a"', 'pass', 'renew', 'pass'],
    ['Bearer error="insufficient_scope", Bearer error="invalid_token"', 'renew', 'pass', 'renew'],
    ['Bearer realm="a", Bearer error="insufficient_scope"', 'pass', 'pass', 'pass'],
    ['', 'renew', 'renew', 'renew'],
    ['"?', 'renew', 'renew', 'renew'],
  ]
  for (const [line, bearer, basic, key] of rows) {
    const fields = challenged(line)
    t.equal(challengeSays(fields, 'bearer'), bearer, `bearer: ${line}`)
    t.equal(challengeSays(fields, 'basic'), basic, `basic: ${line}`)
    for (const kind of ['header', 'query'] as const) t.equal(challengeSays(fields, kind), key, `${kind}: ${line}`)
  }
  for (const kind of KINDS) t.equal(challengeSays([], kind), 'renew', `${kind}: no challenge at all`)
  t.equal(challengeSays(challenged('Negotiate', 'Bearer error="invalid_token"'), 'bearer'), 'renew', 'in any line')
  t.end()
})

t.test('TR-11: only a 401 is looked at', t => {
  for (const status of [200, 301, 400, 402, 403, 407, 419, 429, 500, 503]) {
    const answer = { status, fields: challenged('Bearer error="invalid_token"') }
    t.equal(decideRenewal(answer, facts(), 'refresh'), undefined, String(status))
  }
  t.same(decideRenewal(refused(), facts(), 'refresh'), { act: 'renew', why: 'token-renewed' })
  t.end()
})

t.test('TR-12: a 401 for what the client sent itself goes to the client', t => {
  const own = facts({ carrier: undefined })
  t.same(decideRenewal(refused('Bearer'), own, 'refresh'), { act: 'return', why: 'not-our-token' })
  t.end()
})

t.test('TR-14: a body that was not kept gives the 401 back and renews beside it', t => {
  const spent = facts({ repeatable: false })
  t.same(decideRenewal(refused(), spent, 'refresh'), { act: 'return-and-renew', why: 'body-not-kept' })
  const late = facts({ timeLeft: millis(0) })
  t.same(decideRenewal(refused(), late, 'refresh'), { act: 'return-and-renew', why: 'wait-too-long' })
  t.end()
})

t.test('T2: of several reasons not to renew, the strongest is named', t => {
  const hopeless = { renewed: true, repeatable: false, timeLeft: millis(0) }
  const scope = refused('Bearer error="insufficient_scope"')
  const why = (changes: Partial<RenewalFacts>, on401: 'refresh' | 'pass' = 'refresh') =>
    decideRenewal(scope, facts(changes), on401)?.why
  t.equal(why({ ...hopeless, carrier: undefined }, 'pass'), 'not-our-token')
  t.equal(why(hopeless, 'pass'), 'renewal-off')
  t.equal(why(hopeless), 'token-refused-again')
  t.equal(why({ ...hopeless, renewed: false }), 'token-not-at-fault')
  t.equal(decideRenewal(refused(), facts({ ...hopeless, renewed: false }), 'refresh')?.why, 'body-not-kept')
  t.end()
})

const status = fc.constantFrom(200, 401, 401, 401, 403, 407, 429, 503)
const line = fc.constantFrom(
  'Bearer',
  'Bearer error="invalid_token"',
  'Bearer error="insufficient_scope"',
  'Basic',
  'x y"z',
)
const answer = fc
  .tuple(status, fc.array(line, { maxLength: 2 }))
  .map(([code, lines]) => ({ status: code, fields: challenged(...lines) }))
const someFacts = fc.record({
  carrier: fc.constantFrom<(Kind | undefined)[]>(undefined, ...KINDS),
  renewed: fc.boolean(),
  repeatable: fc.boolean(),
  timeLeft: fc.constantFrom(0, 1, 60_000).map(millis),
})

t.test('T2: a renewal always has all of its reasons', t => {
  const property = fc.property(answer, someFacts, fc.constantFrom('refresh', 'pass'), (given, known, on401) => {
    const decision = decideRenewal(given, known, on401)
    if (given.status !== 401) return decision === undefined
    if (decision === undefined) return false
    const { carrier, renewed, repeatable, timeLeft } = known
    const may =
      carrier !== undefined && !renewed && on401 === 'refresh' && challengeSays(given.fields, carrier) === 'renew'
    const whole = repeatable && timeLeft > 0
    return decision.act === (may ? (whole ? 'renew' : 'return-and-renew') : 'return')
  })
  holds(t, property, 3_000)
  t.end()
})

t.test('TR-13: whatever the answers are, one request renews at most once and then ends', t => {
  const property = fc.property(fc.array(answer, { minLength: 1, maxLength: 10 }), answers => {
    let renewals = 0
    for (const given of answers) {
      const decision = decideRenewal(given, facts({ renewed: renewals > 0 }), 'refresh')
      if (decision?.act === 'renew') renewals++
      else if (decision !== undefined) break
    }
    return renewals <= 1
  })
  holds(t, property, 1_000)
  t.end()
})
