import fc from 'fast-check'
import t from 'tap'
import { invitesRetry, readHint } from '../../../src/http/hint.js'
import { decideRetry } from '../../../src/policy/retry.js'
import { START } from '../../support/clock.js'
import { HINT_ROWS, RESETS } from '../../support/hint-table.js'
import { holds } from '../../support/property.js'
import { firstAttempt, retrySettings, someFacts } from '../../support/retry-settings.js'

const SKEWS = [0, 90_000, -90_000]

t.test('S6/R5: the table has at least 60 rows, each with its own name', t => {
  t.ok(HINT_ROWS.length >= 60, `${HINT_ROWS.length} rows`)
  t.equal(new Set(HINT_ROWS.map(([name]) => name)).size, HINT_ROWS.length)
  t.end()
})

for (const skew of SKEWS) {
  t.test(`S6/R5: every hint is read right by a clock that is ${skew / 1_000} s ahead`, t => {
    for (const [name, fields, expected] of HINT_ROWS) {
      const hint = readHint(fields, START + skew, RESETS)
      const wanted = typeof expected === 'function' ? expected(skew) : expected
      t.equal(hint.kind === 'wait' ? hint.wait : hint.kind, wanted, name)
    }
    t.end()
  })

  t.test(`S6/R5: no wait is shorter than its hint, none is a spin, by a clock that is ${skew / 1_000} s ahead`, t => {
    const settings = retrySettings({ reset_headers: RESETS })
    for (const [name, fields, expected] of HINT_ROWS) {
      for (const draw of [0, 0.5, 0.999_999]) {
        const facts = someFacts({ now: START + skew, random: () => draw })
        const decision = decideRetry(firstAttempt(), { kind: 'answer', status: 503, fields }, facts, settings)
        const wanted = typeof expected === 'function' ? expected(skew) : expected
        // A minute is all there is in this scene.
        if (wanted === 'veto') t.equal(decision.why, 'veto', name)
        else if (typeof wanted === 'number' && wanted >= 60_000) t.equal(decision.why, 'wait-too-long', name)
        else if (decision.act === 'return') t.fail(`${name} is repeated`)
        else t.ok(decision.after >= Math.max(10, typeof wanted === 'number' ? wanted : 0), `${name}: ${decision.after}`)
      }
    }
    t.end()
  })
}

t.test('R5: the source of a hint is named', t => {
  const rows: [string[], string][] = [
    [['Retry-After', '1'], 'retry-after'],
    [['Retry-After-Ms', '1'], 'retry-after-ms'],
    [['RateLimit', '"d";r=0;t=1'], 'ratelimit'],
    [['RateLimit-Remaining', '0', 'RateLimit-Reset', '1'], 'ratelimit-reset'],
    [['Retry-After', 'soon'], 'retry-after'],
    [['Retry-After', 'soon', 'RateLimit-Remaining', '0', 'RateLimit-Reset', 'x'], 'retry-after'],
  ]
  for (const [fields, source] of rows) t.match(readHint(fields, START, RESETS), { source }, fields.join(' '))
  t.end()
})

t.test('R5: a hint made of anything is finite and not negative', t => {
  const names = ['Retry-After', 'retry-after-ms', 'RateLimit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Date']
  const name = fc.constantFrom(...names, ...RESETS.flatMap(pair => [pair.remaining, pair.reset]))
  const number = fc.oneof(fc.nat().map(String), fc.double().map(String), fc.bigInt().map(String))
  const parts = fc.array(
    fc.constantFrom('0', '9', '1e', '.', '-', 's', 'm', 'h', ',', ' ', ';r=0', ';t=', 'Thu, ', 'GMT'),
  )
  const text = parts.map(all => all.join(''))
  const date = fc.date({ noInvalidDate: true }).map(value => value.toUTCString())
  const value = fc.oneof(number, text, date, fc.constant('0'), fc.string({ unit: 'binary' }))
  const fields = fc.array(fc.tuple(name, value), { maxLength: 8 }).map(pairs => pairs.flat())
  const property = fc.property(fields, some => {
    const hint = readHint(some, START, RESETS)
    return hint.kind !== 'wait' || (Number.isSafeInteger(hint.wait) && hint.wait >= 0)
  })
  holds(t, property, 2_000)
  t.end()
})

t.test('R5: a whole number of seconds always waits exactly that long', t => {
  const property = fc.property(fc.integer({ min: 0, max: 1e9 }), seconds => {
    const hint = readHint(['retry-after', String(seconds)], START, [])
    return hint.kind === 'wait' && hint.wait === seconds * 1_000
  })
  holds(t, property)
  t.end()
})

t.test('R5: a hostile field costs no more than reading it', t => {
  const spaces = `1${' '.repeat(60_000)}x`
  const startedAt = process.cpuUsage().user
  for (const value of [spaces, ','.repeat(60_000), '1m'.repeat(30_000), 'Thu,'.repeat(15_000)]) {
    readHint(
      ['retry-after', value, 'ratelimit-remaining', '0', 'ratelimit-reset', value, 'ratelimit', value],
      START,
      [],
    )
  }
  t.ok(process.cpuUsage().user - startedAt < 2e6, 'under two seconds of CPU')
  t.end()
})

t.test('R5: only x-should-retry: true invites a repeat', t => {
  t.ok(invitesRetry(['X-Should-Retry', 'True']))
  t.notOk(invitesRetry(['X-Should-Retry', 'yes']))
  t.notOk(invitesRetry([]))
  t.end()
})
