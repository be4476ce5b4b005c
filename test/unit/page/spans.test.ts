import fc from 'fast-check'
import t from 'tap'
import { reasonOf, rowsOf, sumsOf } from '../../../page/spans.js'
import { REASONS } from '../../../src/policy/reasons.js'
import { attemptView, exchangeDetail } from '../../support/exchange-views.js'

t.test('an attempt is told in connect, send, wait and body, and a reused connection costs nothing', t => {
  const phases = (change: Parameters<typeof attemptView>[0]) =>
    rowsOf(exchangeDetail({ attempts: [attemptView(change)] }))[0]?.spans.map(({ kind, start, end }) => [
      kind,
      start,
      end,
    ])
  const rows = [
    [
      {},
      [
        ['connect', 0, 2],
        ['send', 2, 3],
        ['wait', 3, 9],
        ['body', 9, 10],
      ],
    ],
    [
      { reused: true, connected_ms: 0 },
      [
        ['send', 0, 3],
        ['wait', 3, 9],
        ['body', 9, 10],
      ],
    ],
    [{ outcome: 'connection_refused', connected_ms: null, sent_ms: null, head_ms: null }, [['connect', 0, 10]]],
    [
      { outcome: 'http_response_timeout', head_ms: null },
      [
        ['connect', 0, 2],
        ['send', 2, 3],
        ['wait', 3, 10],
      ],
    ],
    [
      { outcome: 'connection_terminated', sent_ms: null, head_ms: null },
      [
        ['connect', 0, 2],
        ['send', 2, 10],
      ],
    ],
    [
      { sent_ms: 9.5, head_ms: 4 },
      [
        ['connect', 0, 2],
        ['send', 2, 4],
        ['body', 4, 10],
      ],
    ],
  ] as const
  t.strictSame(phases({ outcome: 'connected', sent_ms: null, head_ms: null }), [
    ['connect', 0, 2],
    ['body', 2, 10],
  ])
  for (const [change, expected] of rows) t.strictSame(phases(change), expected, JSON.stringify(change))
  t.end()
})

t.test('what lies between two attempts is named for what it was, and says why', t => {
  const between = (why: string) =>
    rowsOf(
      exchangeDetail({
        attempts: [attemptView({ outcome: '503', why, wait_ms: 40 }), attemptView({ n: 2, start_ms: 50, end_ms: 60 })],
      }),
    )[1]
  const rows = [
    ['retry-after', 'sleep', /as long as it had to: the upstream says when/],
    ['status', 'sleep', /jitter/],
    ['token-renewed', 'refresh', /there is a new token/],
    ['token-not-renewed', 'refresh', /there is no new token/],
    ['paid', 'pay', /the payment that the 402 asks for/],
    ['not-paid', 'pay', /nothing is paid/],
  ] as const
  for (const [why, kind, words] of rows) {
    const row = between(why)
    t.strictSame(row?.spans, [{ kind, start: 10, end: 50 }], why)
    t.match(row?.words, words)
  }
  t.end()
})

t.test('the wait at the cooldown gate comes before the first attempt', t => {
  const [gate, first] = rowsOf(exchangeDetail({ queued_ms: 30, attempts: [attemptView({ start_ms: 30, end_ms: 40 })] }))
  t.strictSame(gate?.spans, [{ kind: 'cooldown', start: 0, end: 30 }])
  t.match(gate?.words, /waited for its turn/)
  t.equal(first?.kind, 'attempt')
  t.end()
})

t.test('every decision is told in words: what was done and the reason', t => {
  const last = (outcome: string, why: string, end: string | null) =>
    rowsOf(exchangeDetail({ end, attempts: [attemptView({ outcome, why })] }))[0]?.words
  t.equal(last('200', 'final', null), 'given to the client: nothing to do about this answer')
  t.equal(last('503', 'attempts-exhausted', null), 'given to the client: no try is left')
  t.match(
    last('connection_refused', 'unsafe-to-repeat', 'connection_refused'),
    /^not repeated: it may have been applied/,
  )
  t.match(last('503', 'status', 'deadline'), /^ended with deadline: the status is on the list/)
  t.equal(last('', '', 'client-gone'), 'the client left')
  for (const why of Object.keys(REASONS)) t.not(reasonOf(why), why)
  for (const why of ['of-another-version', 'constructor']) t.equal(reasonOf(why), why)
  t.end()
})

t.test('every millisecond of every attempt and wait is in exactly one span', t => {
  const ms = fc.nat(1_000)
  const attempt = fc.record({
    connect: ms,
    send: ms,
    wait: ms,
    body: ms,
    pause: ms,
    reused: fc.boolean(),
    fault: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(attempt, { minLength: 1, maxLength: 5 }), ms, (drawn, queued_ms) => {
      let at = queued_ms
      const attempts = drawn.map(({ connect, send, wait, body, pause, reused, fault }, index) => {
        const start_ms = at
        const connected_ms = start_ms + (reused ? 0 : connect)
        const sent_ms = connected_ms + send
        const head_ms = sent_ms + wait
        const end_ms = head_ms + (fault ? 0 : body)
        at = end_ms + pause
        const change = {
          n: index + 1,
          start_ms,
          connected_ms,
          sent_ms,
          head_ms: fault ? null : head_ms,
          end_ms,
          reused,
        }
        return attemptView({ ...change, wait_ms: pause, why: 'status' })
      })
      const rows = rowsOf(exchangeDetail({ attempts, queued_ms, duration_ms: at }))
      const spans = rows.flatMap(row => row.spans)
      let end = 0
      for (const span of spans) {
        if (span.start !== end || span.end <= span.start) return false
        end = span.end
      }
      return end === at && [...sumsOf(rows).values()].reduce((sum, part) => sum + part, 0) === at
    }),
  )
  t.end()
})
