import t from 'tap'
import { seconds } from '../../../src/time/units.js'
import { DOWN, LOGGED_OUT, TokenRig } from '../../support/token-rig.js'

/** A rig whose token is old enough to be doubted. */
async function seasoned(): Promise<TokenRig> {
  const rig = new TokenRig()
  await rig.hold(rig.lasting('one', 3_600))
  await rig.clock.advanceAsync(60_000)
  return rig
}

for (const size of [100, 1_000]) {
  t.test(`T3: ${size} concurrent 401s of one token are one call; a late one is none`, async t => {
    const rig = await seasoned()
    const old = rig.token()
    const crowd = Array.from({ length: size }, () => rig.renew(old))
    await rig.clock.advanceAsync(200)
    rig.source.answer(rig.lasting('two', 3_600))
    await rig.clock.advanceAsync(0)
    t.ok(crowd.every(({ result, count }) => count === 1 && result !== undefined && 'value' in result))
    t.ok(crowd.every(({ result }) => result === crowd[0]?.result))
    t.match(crowd[0]?.result, { value: 'two', generation: 2 })
    t.match(rig.refreshes.slice(1), [{ reason: '401', outcome: 'ok', waiters: size, tookMs: 200 }])

    await rig.clock.advanceAsync(60_000)
    const late = Array.from({ length: size }, () => rig.renew(old))
    await rig.clock.advanceAsync(0)
    t.ok(late.every(({ result }) => result !== undefined && 'value' in result && result.value === 'two'))
    t.equal(rig.source.calls, 2)
  })

  t.test(
    `T4: with a failing endpoint ${size} 401s a second are few calls, and each has its answer within 1 s`,
    async t => {
      const rig = await seasoned()
      const old = rig.token()
      const all: { askedAt: number; told: ReturnType<TokenRig['renew']> }[] = []
      // The endpoint takes 300 ms to say no.
      for (let n = 0; n < 50; n++) {
        for (let i = 0; i < size / 50; i++) all.push({ askedAt: rig.clock.monotonic(), told: rig.renew(old) })
        await rig.clock.advanceAsync(20)
        if (n % 15 === 14 && rig.source.flying > 0) rig.source.answer(DOWN)
      }
      await rig.clock.advanceAsync(0)
      t.ok(
        all.every(({ askedAt, told }) => told.count === 1 && told.result === undefined && told.at - askedAt <= 1_000),
      )
      t.ok(rig.source.calls - 1 <= 3, `${rig.source.calls - 1} calls`)
      t.equal(rig.token().value, 'one', 'it has not ended, and goes on being sent')
    },
  )
}

t.test('T4: an upstream that refuses every token costs one call in 5 s at most', async t => {
  const rig = await seasoned()
  let made = 1
  let told = 0
  rig.source.always = () => rig.lasting(`token-${++made}`, 3_600)
  const before = rig.source.calls
  for (let n = 0; n < 6_000; n++) {
    const waiting = rig.renew(rig.token())
    await rig.clock.advanceAsync(10)
    told += waiting.count
  }
  t.strictSame([told, rig.source.calls - before], [6_000, 12], 'in a minute of 100 requests a second')
})

t.test('TR-10: a 401 for a token younger than 5 s asks nothing: the 401 is about something else', async t => {
  const rig = new TokenRig()
  const fresh = await rig.hold(rig.lasting('one', 3_600))
  await rig.clock.advanceAsync(4_999)
  const young = rig.renew(fresh)
  await rig.clock.advanceAsync(0)
  t.strictSame([young.count, young.result, rig.source.calls], [1, undefined, 1])
  await rig.clock.advanceAsync(1)
  rig.renew(fresh)
  t.equal(rig.source.calls, 2)
})

t.test('the floor can be told', async t => {
  const rig = new TokenRig({ renewal_floor: seconds(0) })
  rig.renew(await rig.hold(rig.lasting('one', 3_600)))
  t.equal(rig.source.calls, 2)
})

t.test('T2: a renewal that gives the same value is no renewal, and is not tried again for 5 s', async t => {
  const rig = await seasoned()
  const old = rig.token()
  rig.source.always = () => rig.lasting('one', 3_600)
  const told = [rig.renew(old), rig.renew(old)]
  await rig.clock.advanceAsync(0)
  for (const { count, result } of told) t.strictSame([count, result], [1, undefined])
  t.equal(rig.token().generation, 1)
  await rig.clock.advanceAsync(4_000)
  const soon = rig.renew(old)
  await rig.clock.advanceAsync(0)
  t.strictSame([soon.count, soon.result, rig.source.calls], [1, undefined, 2])
  await rig.clock.advanceAsync(1_000)
  rig.renew(old)
  t.equal(rig.source.calls, 3)
})

t.test('TR-10: a 401 joins the renewal that runs already in the background', async t => {
  const rig = await seasoned()
  await rig.clock.advanceAsync(3_480_000)
  const old = rig.token()
  t.equal(rig.source.flying, 1)
  const told = rig.renew(old)
  rig.source.answer(rig.lasting('two', 3_600))
  await rig.clock.advanceAsync(0)
  t.match(told.result, { value: 'two' })
  t.match(rig.refreshes.at(-1), { reason: 'ahead', waiters: 1 })
})

t.test('TR-10: while a failure cools down, and after a permanent one, the 401 is the answer at once', async t => {
  for (const [name, failure] of Object.entries({ transient: DOWN, permanent: LOGGED_OUT })) {
    const rig = await seasoned()
    const old = rig.token()
    rig.renew(old)
    rig.source.answer(failure)
    await rig.clock.advanceAsync(0)
    const told = rig.renew(old)
    await rig.clock.advanceAsync(0)
    t.strictSame([told.count, told.result, rig.source.calls], [1, undefined, 2], name)
  }
})

t.test('a 401 that comes back after its token has ended gets the next one', async t => {
  const rig = await seasoned()
  const old = rig.token()
  await rig.clock.advanceAsync(3_600_000)
  const told = rig.renew(old)
  rig.source.answer(rig.lasting('two', 3_600))
  await rig.clock.advanceAsync(0)
  t.match(told.result, { value: 'two' })
  t.match(rig.refreshes.at(-1), { reason: 'expired' })
})

t.test('a value that comes back is not given to whom it was refused', async t => {
  const rig = await seasoned()
  const first = rig.token()
  for (const value of ['two', 'one']) {
    rig.renew(rig.token())
    rig.source.answer(rig.lasting(value, 3_600))
    await rig.clock.advanceAsync(6_000)
  }
  t.match(rig.token(), { value: 'one', generation: 3 })
  const told = rig.renew(first)
  t.equal(rig.source.flying, 1)
  rig.source.answer(rig.lasting('four', 3_600))
  await rig.clock.advanceAsync(0)
  t.match(told.result, { value: 'four', generation: 4 })
})

t.test('a client that leaves during its renewal leaves the call to the others', async t => {
  const rig = await seasoned()
  const old = rig.token()
  const [gone, short, patient] = [rig.renew(old), rig.renew(old, 100), rig.renew(old)]
  gone.leave()
  await rig.clock.advanceAsync(1_000)
  t.strictSame([short.count, short.result], [1, undefined])
  rig.source.answer(rig.lasting('two', 3_600))
  await rig.clock.advanceAsync(0)
  t.strictSame([gone.count, rig.source.calls], [0, 2])
  t.match(patient.result, { value: 'two' })
})
