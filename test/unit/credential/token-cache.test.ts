import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { SourceError } from '../../../src/credential/source.js'
import { millis, seconds } from '../../../src/time/units.js'
import { DOWN, LOGGED_OUT, TokenRig } from '../../support/token-rig.js'

t.test('T1: a credential that nobody uses costs no call, no watch and no timer', t => {
  const { cache, clock, source } = new TokenRig()
  t.equal(cache.current(), undefined)
  t.match(cache.status(), { state: 'none', usable: false, generation: 0, error: undefined })
  t.strictSame([source.calls, source.watchers, clock.pending], [0, 0, 0])
  t.end()
})

t.test('T1: 1,000 first requests are one call, and each has the token', async t => {
  const rig = new TokenRig()
  const crowd = Array.from({ length: 1_000 }, () => rig.acquire())
  t.equal(rig.cache.status().state, 'renewing')
  await rig.clock.advanceAsync(40)
  rig.source.answer(rig.lasting('one', 3_600))
  await rig.clock.advanceAsync(0)
  t.ok(crowd.every(({ result, count }) => count === 1 && result !== undefined && 'value' in result))
  t.equal(rig.source.calls, 1)
  const print = createHash('sha256').update('one').digest('hex').slice(0, 8)
  const common = { credential: 'api', generation: 1, print, expiresAt: rig.clock.now() + 3_600_000 }
  t.match(rig.refreshes, [{ ...common, reason: 'first', outcome: 'ok', tookMs: 40, waiters: 1_000, error: undefined }])
  t.match(rig.cache.status(), { state: 'valid', usable: true, generation: 1, print, age: 0 })
  t.equal(rig.clock.pending, 0, 'no timer is left')
})

t.test('TR-02: near its end a token is renewed in the background; a hung endpoint delays nobody', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 3_600))
  await rig.clock.advanceAsync(1_000_000)
  t.equal(rig.token().value, 'one')
  t.equal(rig.source.calls, 1, 'not due yet')
  let missing = 0
  // From before the renewal is due to just before the margin: 1,000 uses while the endpoint says nothing.
  await rig.clock.advanceAsync(3_500_000 - 1_000_000)
  for (let n = 0; n < 1_000; n++) {
    await rig.clock.advanceAsync(55)
    if (rig.cache.current()?.value !== 'one') missing++
  }
  t.equal(missing, 0)
  t.match(rig.refreshes[1], { reason: 'ahead', outcome: 'failed', error: 'no answer within 15 s', tookMs: 15_000 })
  t.ok(rig.source.calls >= 4 && rig.source.calls <= 6, `${rig.source.calls} calls, one at a time`)
  t.equal(rig.source.most, 1)
  for (; rig.source.flying === 0; rig.token()) await rig.clock.advanceAsync(100)
  rig.source.answer(rig.lasting('two', 3_600))
  await rig.clock.advanceAsync(0)
  t.match(rig.token(), { value: 'two', generation: 2 })
})

t.test('TR-06: a token is not given in its last seconds, nor after them, whatever fails', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 600))
  rig.source.always = () => DOWN
  await rig.clock.advanceAsync(569_999)
  t.equal(rig.token().value, 'one')
  await rig.clock.advanceAsync(2)
  t.equal(rig.cache.current(), undefined)
  const waits = [rig.acquire(), rig.acquire()]
  await rig.clock.advanceAsync(60_000)
  for (const { result } of waits) t.match(result, { permanent: false, reason: DOWN.message })
  t.match(rig.cache.status(), { state: 'cooling', usable: false, generation: 1, error: DOWN.message })
})

t.test('TR-01: a sleep past the end is noticed, and a clock set back makes no token last longer', async t => {
  const slept = new TokenRig()
  await slept.hold(slept.lasting('one', 3_600))
  slept.clock.jump(3_600_000)
  t.equal(slept.cache.current(), undefined, 'the machine slept')

  const back = new TokenRig()
  await back.hold(back.lasting('one', 3_600))
  back.source.always = () => DOWN
  back.clock.jump(-7_200_000)
  await back.clock.advanceAsync(3_500_000)
  t.equal(back.token().value, 'one')
  t.equal(back.cache.endsAt, back.clock.now() + 100_000, 'others are told the same')
  await back.clock.advanceAsync(100_000)
  t.equal(back.cache.current(), undefined, 'by the monotonic clock')
})

t.test('TR-01: clocks that moved apart have a good token checked once, in the background', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 36_000))
  await rig.clock.advanceAsync(60_000)
  rig.clock.jump(20_000)
  rig.token()
  t.equal(rig.source.calls, 1, 'less than the margin is no jump')
  rig.clock.jump(600_000)
  t.equal(rig.token().value, 'one')
  t.equal(rig.source.calls, 2)
  rig.source.answer(rig.lasting('one', 30_000))
  await rig.clock.advanceAsync(5_000)
  t.match(rig.token(), { value: 'one', generation: 1 })
  t.equal(rig.source.calls, 2, 'it is measured anew')
})

t.test('TR-03: whoever leaves, or has no more time, does not end the call', async t => {
  const rig = new TokenRig()
  const [short, gone, patient] = [rig.acquire(500), rig.acquire(), rig.acquire()]
  gone.leave()
  await rig.clock.advanceAsync(2_000)
  t.match(short, { count: 1, at: 510, result: { permanent: false, reason: 'the token did not come in time' } })
  rig.source.answer(rig.lasting('one', 3_600))
  await rig.clock.advanceAsync(0)
  t.match(patient.result, { value: 'one' })
  t.equal(gone.count, 0, 'it was not told')
  t.equal(rig.refreshes[0]?.waiters, 3)
})

t.test('nobody is told inside its own call, nor after it left, however short before', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 3_600))
  const now = rig.acquire()
  t.equal(now.count, 0)
  const gone = rig.acquire()
  gone.leave()
  await rig.clock.advanceAsync(0)
  t.strictSame([now.count, gone.count], [1, 0])

  const other = new TokenRig()
  const late = other.acquire(1_000)
  other.clock.schedule(1_010, () => late.leave())
  other.clock.advance(1_010)
  await other.clock.advanceAsync(0)
  t.equal(late.count, 0, 'its deadline came first, in the same turn')
})

t.test('TR-03: a call ends after 15 s, and a source that does not obey is not asked twice at once', async t => {
  const rig = new TokenRig()
  rig.source.deaf = true
  const waiting = rig.acquire(60_000)
  await rig.clock.advanceAsync(15_000)
  t.match(waiting, { count: 1, result: { reason: 'no answer within 15 s' } })
  await rig.clock.advanceAsync(5_000)
  const refused = rig.acquire()
  await rig.clock.advanceAsync(0)
  t.match(refused.result, { permanent: false, retryAfter: 10_000 })
  t.equal(rig.source.calls, 1)
  rig.source.answer(rig.lasting('late', 3_600))
  await rig.clock.advanceAsync(0)
  t.equal(rig.cache.current(), undefined, 'nobody knows any more what it answers')
  rig.acquire()
  t.equal(rig.source.calls, 2)
})

t.test('TR-04: all who wait share a failure, and it cools down: 1, 2, 4 … 60 s at most, fully jittered', async t => {
  const rig = new TokenRig()
  const crowd = Array.from({ length: 1_000 }, () => rig.acquire())
  rig.source.answer(DOWN)
  await rig.clock.advanceAsync(0)
  t.ok(crowd.every(({ result }) => result !== undefined && 'reason' in result && result.reason === DOWN.message))
  t.equal(rig.source.calls, 1)
  rig.source.always = () => DOWN
  const waits: number[] = []
  for (let n = 0; n < 40; n++) {
    const wait = rig.cache.status().retryAfter
    waits.push(wait)
    await rig.clock.advanceAsync(wait - 1)
    rig.acquire()
    t.equal(rig.source.calls, n + 1, 'not while it cools down')
    await rig.clock.advanceAsync(1)
    rig.acquire()
    await rig.clock.advanceAsync(0)
  }
  t.ok(
    waits.every((wait, n) => wait >= 10 && wait <= Math.min(60_000, 1_000 * 2 ** n)),
    waits.join(' '),
  )
  t.ok(Math.max(...waits) > 30_000, 'it grows')
})

t.test('TR-04: the Retry-After of the source wins, 5 minutes at most, and a zero is no leave to spin', async t => {
  const cases: [string, number, number, number][] = [
    ['7 s', 7_000, 7_000, 8_400],
    ['a day', 86_400_000, 300_000, 330_000],
    ['0', 0, 10, 1_000],
  ]
  for (const [name, hint, least, most] of cases) {
    const rig = new TokenRig()
    const waiting = rig.acquire()
    rig.source.answer(new SourceError('slow down', false, millis(hint)))
    await rig.clock.advanceAsync(0)
    const { retryAfter } = rig.cache.status()
    t.ok(retryAfter >= least && retryAfter <= most, `${name}: ${retryAfter}`)
    t.match(waiting.result, { permanent: false, retryAfter })
  }
})

t.test('TR-05: after a permanent failure nothing asks until a login, or news from the source', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 600))
  rig.source.always = () => LOGGED_OUT
  await rig.clock.advanceAsync(560_000)
  t.equal(rig.token().value, 'one')
  await rig.clock.advanceAsync(5_000)
  t.match(rig.cache.status(), { state: 'needs_login', usable: true, retryAfter: 0, error: 'invalid_grant' })
  await rig.clock.advanceAsync(86_400_000)
  const refused = rig.acquire()
  await rig.clock.advanceAsync(0)
  t.match(refused.result, { permanent: true, reason: 'invalid_grant', retryAfter: 0 })
  t.equal(rig.source.calls, 2)

  rig.source.always = undefined
  rig.cache.retry()
  rig.cache.retry()
  t.equal(rig.source.calls, 3, 'at once: `status` after a login is not of yesterday')
  rig.source.answer(LOGGED_OUT)
  await rig.clock.advanceAsync(2_000)
  t.match(rig.refreshes.at(-1), { reason: 'login', outcome: 'permanent', generation: 1 })
  rig.source.change()
  rig.source.answer(rig.lasting('two', 600))
  await rig.clock.advanceAsync(0)
  t.match(rig.cache.status(), { state: 'valid', generation: 2, error: undefined })
  t.match(rig.refreshes.at(-1), { reason: 'changed', outcome: 'ok' })
})

t.test('a retry of what works asks nothing', async t => {
  const rig = new TokenRig()
  rig.cache.retry()
  await rig.hold(rig.lasting('one', 600))
  await rig.clock.advanceAsync(10_000)
  rig.cache.retry()
  t.equal(rig.source.calls, 1)
})

t.test('news during a call have the source asked once more, and who waits has the new token', async t => {
  for (const [name, answer] of Object.entries({ 'it fails': LOGGED_OUT, 'it gives the old one': undefined })) {
    const rig = new TokenRig()
    const old = await rig.hold(rig.lasting('old', 600))
    await rig.clock.advanceAsync(10_000)
    const waiting = rig.renew(old)
    rig.source.change()
    rig.source.answer(answer ?? rig.lasting('old', 600))
    await rig.clock.advanceAsync(0)
    t.strictSame([waiting.count, rig.source.calls], [0, 3], name)
    rig.source.answer(rig.lasting('new', 600))
    await rig.clock.advanceAsync(0)
    t.match(waiting.result, { value: 'new', generation: 2 })
  }
})

t.test('a source whose own work looks like news does not spin', async t => {
  const rig = new TokenRig({ ttl: seconds(60) })
  rig.source.onCall = () => rig.source.change()
  for (const give of [() => ({ token: 'one', expiresAt: undefined }), () => DOWN, () => LOGGED_OUT]) {
    const before = rig.source.calls
    rig.source.always = give
    for (let n = 0; n < 1_000; n++) {
      await rig.clock.advanceAsync(10)
      if (rig.cache.current() === undefined) rig.acquire()
    }
    t.ok(rig.source.calls - before <= 30, `${rig.source.calls - before} calls in 10 s of 100 requests a second`)
  }
})

t.test(
  'a token without an end is asked for again after `ttl`, and keeps its generation while it is the same',
  async t => {
    const rig = new TokenRig({ ttl: seconds(300) })
    rig.source.always = () => ({ token: 'static', expiresAt: undefined })
    rig.acquire()
    for (let n = 0; n < 3_600; n++) {
      await rig.clock.advanceAsync(1_000)
      t.match(rig.token(), { value: 'static', generation: 1, expiresAt: undefined })
    }
    t.ok(rig.source.calls >= 13 && rig.source.calls <= 17, `${rig.source.calls} calls in an hour`)
  },
)

t.test('a token that has ended already is a failure, not a token', async t => {
  const rig = new TokenRig()
  const waiting = rig.acquire()
  rig.source.answer(rig.lasting('dead', -3_600))
  await rig.clock.advanceAsync(0)
  t.match(waiting.result, { permanent: false, reason: /has ended already/ })
  t.match(rig.refreshes, [{ outcome: 'failed', generation: 0, print: undefined, error: /has ended already/ }])
})

t.test('T8: nothing of a token is in what the cache tells, even when a source breaks and quotes it', async t => {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('canary-token-1', 600))
  await rig.clock.advanceAsync(580_000)
  const waiting = rig.acquire()
  rig.source.answer(new TypeError('unexpected canary-token-2'))
  await rig.clock.advanceAsync(0)
  const told = inspect([rig.refreshes, rig.cache.status(), waiting.result], { depth: 9 })
  t.notMatch(told, /canary/)
  t.match(waiting.result, { reason: 'the source broke (TypeError)' })
})

t.test(
  'close ends the call, tells all who wait, and leaves no timer, no watch and nothing that starts again',
  async t => {
    const rig = new TokenRig()
    const old = await rig.hold(rig.lasting('one', 600))
    await rig.clock.advanceAsync(10_000)
    const waiting = rig.renew(old)
    rig.cache.close()
    await rig.clock.advanceAsync(0)
    t.match(waiting, { count: 1, result: undefined })
    t.strictSame([rig.clock.pending, rig.source.watchers, rig.source.flying], [0, 0, 0])
    t.equal(rig.token().value, 'one', 'requests that are still under way may use it up')
    await rig.clock.advanceAsync(600_000)
    const late = rig.acquire()
    await rig.clock.advanceAsync(0)
    t.match(late.result, { permanent: false, reason: /closed/ })
    t.equal(rig.source.calls, 2)
  },
)

t.test(
  'F7: who waits while its credential is replaced gets the token of the running call, and no call follows',
  async t => {
    const rig = new TokenRig()
    const waiting = rig.acquire()
    rig.cache.retire()
    rig.source.answer(rig.lasting('one', 600))
    await rig.clock.advanceAsync(0)
    t.match(waiting, { count: 1, result: { value: 'one' } })
    await rig.clock.advanceAsync(600_000)
    rig.acquire()
    await rig.clock.advanceAsync(0)
    t.strictSame([rig.clock.pending, rig.source.watchers, rig.source.calls], [0, 0, 1])
  },
)
