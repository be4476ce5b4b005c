import { test } from 'tap'
import { Claims } from '../../src/idempotency/claims.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { asked, short, answer as stored } from '../support/claims-rig.js'
import { problemOf } from '../support/client-lane.js'
import { ManualClock } from '../support/clock.js'
import { crowd } from '../support/crowd.js'
import { JSON_TYPE, keyedRoute, keyedScene } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

/** `perSecond` new keys a second for ten seconds of a clock that only moves when told to. */
async function tenSeconds(perSecond: number) {
  const clock = new ManualClock()
  const claims = new Claims(memoryStore(clock), clock, 'test')
  const accepted: string[] = []
  const refused: { readonly key: string; readonly retryAfter: number }[] = []
  const ask = (key: string) =>
    new Promise<string>(resolve => {
      claims.open(asked(key, { dueAt: clock.monotonic() + 60_000 }), opened => {
        if (opened.kind === 'claimed') {
          accepted.push(key)
          opened.claim.complete(201, stored(key))
        } else if (opened.kind === 'insert-rate') refused.push({ key, retryAfter: opened.retryAfter / 1_000 })
        resolve(short(opened))
      })
    })
  for (let i = 0; i < perSecond * 10; i++) {
    await ask(`key ${i}`)
    clock.advance(1_000 / perSecond)
  }
  return { clock, claims, accepted, refused, ask }
}

test('I11: of 1,000 new keys a second for ten seconds 900 are accepted, and each refused one is done once later', async t => {
  const { clock, claims, accepted, refused, ask } = await tenSeconds(1_000)
  t.comment(`${accepted.length} accepted, ${refused.length} refused`)
  t.ok(accepted.length >= 891 && accepted.length <= 909, '300 at once and 60 a second, within 1 %')
  t.equal(accepted.length + refused.length, 10_000)
  t.ok(refused.every(({ retryAfter }) => Number.isInteger(retryAfter) && retryAfter >= 1))
  const later = [...refused]
  let rounds = 0
  while (later.length > 0) {
    clock.advance(1_000)
    rounds++
    for (let told = 'claimed'; told === 'claimed' && later.length > 0; ) {
      told = await ask(later[0]?.key as string)
      if (told === 'claimed') later.shift()
    }
  }
  t.ok(rounds >= 9_000 / 60 && rounds <= 9_200 / 60, `60 a second: ${rounds} s`)
  t.equal(accepted.length, 10_000)
  t.equal(new Set(accepted).size, 10_000, 'each once')
  t.equal(await ask('key 9999'), 'replay key 9999')
  await claims.close()
})

test('I11: fifty new keys a second are all accepted, and what is no new claim costs nothing', async t => {
  const { accepted, refused, ask, claims } = await tenSeconds(50)
  t.same([accepted.length, refused.length], [500, 0])
  for (let i = 0; i < 1_000; i++) await ask('key 1')
  t.equal(refused.length, 0)
  await claims.close()
})

const once: Script = seen => answer(201, `{"done":"${seen.header('idempotency-key')}"}`, JSON_TYPE)

const limited = (perSecond: number, burst: number): string[] => [
  `idempotency: { replay: { rate: { per_second: ${perSecond}, burst: ${burst} } } }`,
]

test('I11, I8: a client over its ceiling is told when to come again, nothing is sent, and later its key is done once', async t => {
  const { upstream, daemon, keyed, reusing } = await keyedScene(t, once, limited(0.02, 20))
  const keys = Array.from({ length: 120 }, (_, i) => `order-${i}-abcdefgh`)
  const first = await crowd(keys.length, 16, i => reusing(keys[i] as string))
  const refused = keys.filter((_, i) => first[i]?.status === 429)
  t.equal(refused.length, 100)
  t.equal(upstream.seen.length, 20)
  for (const got of first.filter(({ status }) => status === 429)) {
    const { code, outcome, retry_after } = problemOf(got)
    const wait = got.header('retry-after') ?? ''
    if (!/^[1-9]\d*$/.test(wait) || code !== 'insert_rate' || outcome !== 'not-sent' || retry_after !== Number(wait))
      t.fail(`${got.head}\n${got.text}`)
  }
  // A replay is no new claim.
  const known = keys.find(key => !refused.includes(key)) as string
  t.equal((await keyed(known)).header('idempotent-replayed'), 'true')
  // Another caller has a ceiling of its own.
  t.equal((await keyed('order-0-abcdefgh', '{}', 'Authorization: Bearer somebody-else')).status, 201)
  await daemon.reload(`store: memory\n${keyedRoute(upstream.port, limited(100_000, 1_000_000))}`)
  const again = await crowd(refused.length, 16, i => reusing(refused[i] as string))
  t.ok(again.every(({ text, status }, i) => status === 201 && text === `{"done":"${refused[i]}"}`))
  t.ok(
    again.every(({ header }) => header('idempotent-replayed') === undefined),
    'the real answer',
  )
  t.equal(upstream.seen.length, 121)
})
