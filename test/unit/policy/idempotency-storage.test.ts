import t from 'tap'
import type { ClassifiedAs } from '../../../src/policy/idempotency-settings.js'
import { type ClaimFacts, type ClaimOutcome, concludeClaim } from '../../../src/policy/idempotency-storage.js'

const STATUSES = Array.from({ length: 500 }, (_, i) => i + 100)
const CLASSES: readonly (ClassifiedAs | undefined)[] = [undefined, 'rate_limited', 'unavailable', 'in_flight', 'error']
const BOTH = [false, true]
const NEVER = [401, 402, 407, 408, 409, 425, 429]
const ALL_4XX = STATUSES.filter(status => status >= 400 && status < 500)

const facts = (changes: Partial<ClaimFacts> = {}): ClaimFacts => ({
  dedups: false,
  settings: { store_4xx: [], on_5xx: 'uncertain' },
  classified: undefined,
  earlierUnknown: false,
  ...changes,
})

const answer = (status: number, changes: Partial<Extract<ClaimOutcome, { kind: 'answer' }>> = {}): ClaimOutcome => ({
  kind: 'answer',
  status,
  hinted: false,
  whole: true,
  ...changes,
})

/** Every answer under every setting. */
function* everyAnswer(): Generator<[ClaimOutcome & { kind: 'answer' }, ClaimFacts]> {
  for (const status of STATUSES)
    for (const classified of CLASSES)
      for (const dedups of BOTH)
        for (const hinted of BOTH)
          for (const whole of BOTH)
            for (const earlierUnknown of BOTH)
              for (const on_5xx of ['uncertain', 'release'] as const)
                for (const store_4xx of [[], ALL_4XX])
                  yield [
                    { kind: 'answer', status, hinted, whole },
                    { dedups, classified, earlierUnknown, settings: { on_5xx, store_4xx } },
                  ]
}

t.test(
  'I7: over every status, classification and setting, nothing is stored but whole successes and wished-for 4xx',
  t => {
    let wrong = 0
    let stored = 0
    for (const [outcome, given] of everyAnswer()) {
      if (concludeClaim(outcome, given) !== 'store') continue
      stored++
      const { status } = outcome
      const success = (status >= 200 && status < 300 && status !== 206) || status === 303
      const wished = status >= 400 && status < 500 && given.settings.store_4xx.length > 0 && !NEVER.includes(status)
      if (given.classified !== undefined || !outcome.whole || !(success || wished)) wrong++
    }
    t.equal(wrong, 0)
    t.ok(stored > 0)
    t.end()
  },
)

t.test('I7: 401, 402, 407, 408, 409, 425, 429 and every 5xx are never stored, whatever the settings say', t => {
  for (const [outcome, given] of everyAnswer())
    if (NEVER.includes(outcome.status) || outcome.status >= 500) {
      const conclusion = concludeClaim(outcome, given)
      if (conclusion === 'store') t.fail(JSON.stringify([outcome, given]))
    }
  t.end()
})

t.test('I8: a 429 and an answer classified as a rate limit give the key back', t => {
  for (const dedups of BOTH) {
    t.equal(concludeClaim(answer(429), facts({ dedups })), 'release')
    for (const status of [200, 202, 303, 400, 403, 500, 503])
      t.equal(concludeClaim(answer(status), facts({ dedups, classified: 'rate_limited' })), 'release', `${status}`)
  }
  t.end()
})

t.test('I7: the table, where the upstream does not know its keys again', t => {
  const rows: [ClaimOutcome, string][] = [
    [answer(200), 'store'],
    [answer(201), 'store'],
    [answer(204), 'store'],
    [answer(299), 'store'],
    [answer(303), 'store'],
    [answer(200, { whole: false }), 'uncertain'],
    [answer(303, { whole: false }), 'uncertain'],
    [answer(206), 'uncertain'],
    [answer(101), 'uncertain'],
    [answer(302), 'uncertain'],
    [answer(304), 'release'],
    [answer(301), 'release'],
    [answer(307), 'release'],
    [answer(308), 'release'],
    [answer(400), 'release'],
    [answer(400, { whole: false }), 'release'],
    [answer(404), 'release'],
    [answer(422), 'release'],
    [answer(429, { whole: false }), 'release'],
    [answer(500), 'uncertain'],
    [answer(500, { hinted: true }), 'uncertain'],
    [answer(502), 'uncertain'],
    [answer(503), 'uncertain'],
    [answer(503, { hinted: true }), 'release'],
    [answer(504), 'uncertain'],
    [answer(524), 'uncertain'],
    [answer(501), 'release'],
    [answer(505), 'release'],
    [answer(511), 'release'],
    [{ kind: 'fault', reached: 'not-sent' }, 'release'],
    [{ kind: 'fault', reached: 'unknown' }, 'uncertain'],
    [{ kind: 'refusal' }, 'release'],
  ]
  for (const [outcome, conclusion] of rows)
    t.equal(concludeClaim(outcome, facts()), conclusion, JSON.stringify(outcome))
  t.end()
})

t.test('I7: where the upstream knows its keys again, only a fault or a broken success stays in doubt', t => {
  const dedups = facts({ dedups: true })
  for (const status of STATUSES) {
    const success = (status >= 200 && status < 300 && status !== 206) || status === 303
    t.equal(concludeClaim(answer(status), dedups), success ? 'store' : 'release', `${status}`)
  }
  t.equal(concludeClaim(answer(200, { whole: false }), dedups), 'uncertain')
  t.equal(concludeClaim({ kind: 'fault', reached: 'unknown' }, dedups), 'uncertain')
  t.equal(concludeClaim({ kind: 'fault', reached: 'not-sent' }, dedups), 'release')
  t.end()
})

t.test('I7: a success that is classified as an error is released', t => {
  for (const classified of CLASSES.slice(1))
    for (const whole of BOTH)
      t.equal(concludeClaim(answer(200, { whole }), facts({ classified })), 'release', String(classified))
  t.end()
})

t.test('I7: words in a 5xx help only when they say that nothing was done', t => {
  t.equal(concludeClaim(answer(500), facts({ classified: 'error' })), 'uncertain')
  t.equal(concludeClaim(answer(500), facts({ classified: 'unavailable' })), 'uncertain')
  t.equal(concludeClaim(answer(500, { hinted: true }), facts({ classified: 'unavailable' })), 'release')
  t.equal(concludeClaim(answer(500), facts({ settings: { store_4xx: [], on_5xx: 'release' } })), 'release')
  t.end()
})

t.test('I7: store_4xx stores what it names, whole, and nothing that time or money changes', t => {
  const settings = { store_4xx: ALL_4XX, on_5xx: 'uncertain' } as const
  for (const status of ALL_4XX)
    t.equal(
      concludeClaim(answer(status), facts({ settings })),
      NEVER.includes(status) ? 'release' : 'store',
      `${status}`,
    )
  t.equal(concludeClaim(answer(400, { whole: false }), facts({ settings })), 'release')
  t.equal(concludeClaim(answer(400), facts({ settings, classified: 'error' })), 'release')
  t.end()
})

t.test('I7: an earlier attempt in doubt keeps a claim that would be released, unless the upstream resolves it', t => {
  for (const outcome of [
    answer(429),
    answer(404),
    { kind: 'refusal' },
    { kind: 'fault', reached: 'not-sent' },
  ] as const) {
    t.equal(concludeClaim(outcome, facts({ earlierUnknown: true })), 'uncertain')
    t.equal(concludeClaim(outcome, facts({ earlierUnknown: true, dedups: true })), 'release')
  }
  t.equal(concludeClaim(answer(201), facts({ earlierUnknown: true })), 'store')
  t.end()
})
