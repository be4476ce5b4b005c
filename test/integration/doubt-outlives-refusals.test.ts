import { test } from 'tap'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const ALWAYS = 'retry: { non_idempotent: always, backoff: { base: 10ms, cap: 20ms } }'
const ONE_STRIKE = 'breaker: { failures: 1, open: 60s }'

test('I7: a claim whose first attempt may have acted is not freed because the breaker refuses the second', async t => {
  const { upstream, keyed } = await keyedScene(
    t,
    (seen, socket) => {
      if (seen.number > 1) return answer(201, '{"id":2}', JSON_TYPE)
      socket.resetAndDestroy()
      return undefined
    },
    [ALWAYS, ONE_STRIKE, 'idempotency: { replay: {} }'],
  )
  const first = await keyed(KEY)
  t.match(JSON.parse(first.text), { code: 'breaker_open', outcome: 'unknown' })
  t.equal(first.header('x-should-retry'), 'false')
  t.match(JSON.parse((await keyed(KEY)).text), { code: 'outcome_unknown' })
  t.equal(upstream.seen.length, 1)
})

test('R1: nor does a POST that was reset count as not sent because nobody takes its repeat', async t => {
  const { upstream, keyed } = await keyedScene(
    t,
    (_, socket) => {
      socket.resetAndDestroy()
      void upstream.close()
      return undefined
    },
    ['breaker: off', 'idempotency: { upstream: replay }'],
  )
  const got = await keyed(KEY)
  t.match(JSON.parse(got.text), { code: 'connect_failed', outcome: 'unknown' })
  t.equal(got.header('x-should-retry'), 'false')
})
