import t from 'tap'
import type { Claim } from '../../../src/idempotency/claim.js'
import { type ClaimView, findClaims } from '../../../src/idempotency/claim-list.js'
import { Claims } from '../../../src/idempotency/claims.js'
import { keyHintOf, keyPrintOf } from '../../../src/idempotency/lookup.js'
import { memoryStore } from '../../../src/store/memory-store.js'
import { answer, asked } from '../../support/claims-rig.js'
import { ManualClock, START } from '../../support/clock.js'

const secret = Buffer.alloc(32, 7)

function request(key: string) {
  const one = asked(key)
  return { ...one, about: { ...one.about, keyPrint: keyPrintOf(secret, key), keyHint: keyHintOf(key) } }
}

const nameOf = (key: string) => request(key).lookup.slice(0, 12)

async function rig() {
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const claims = new Claims(store, clock, 'one')
  const held: Record<string, Claim> = {}
  for (const key of ['runs', 'done', 'large', 'unsure', 'a-key-of-20-characters'])
    claims.open(request(key), opened => {
      if (opened.kind === 'claimed') held[key] = opened.claim
    })
  await clock.advanceAsync(0)
  held['done']?.complete(201, answer('x'))
  held['large']?.complete(202, undefined)
  held['unsure']?.uncertain()
  held['a-key-of-20-characters']?.uncertain()
  await clock.advanceAsync(0)
  t.teardown(() => claims.close())
  return { clock, store, claims }
}

async function collect(views: AsyncIterable<ClaimView>): Promise<ClaimView[]> {
  const all: ClaimView[] = []
  for await (const view of views) all.push(view)
  return all
}

t.test('every claim is listed with its state, and nothing of it is secret', async t => {
  const { claims } = await rig()
  const views = await collect(claims.list())
  const states = Object.fromEntries(views.map(({ ref, state, status }) => [ref, `${state} ${status}`]))
  t.strictSame(states, {
    [nameOf('runs')]: 'in-flight undefined',
    [nameOf('done')]: 'completed 201',
    [nameOf('large')]: 'no-body 202',
    [nameOf('unsure')]: 'uncertain undefined',
    [nameOf('a-key-of-20-characters')]: 'uncertain undefined',
  })
  t.match(
    views.find(({ state }) => state === 'completed'),
    { route: 'pay', origin: 'https://api.test', method: 'POST', claimedAt: START, expiresAt: START + 86_400_000 },
  )
  t.notMatch(JSON.stringify(views), /of-20|unsure/)
})

t.test('I12: what a dead process had open is listed as uncertain', async t => {
  const { clock, claims } = await rig()
  await claims.close()
  await clock.advanceAsync(4_000)
  const views = await collect(claims.list())
  t.equal(views.filter(({ state }) => state === 'uncertain').length, 3)
})

t.test('a claim is found by the beginning of its name, and by the key itself', async t => {
  const { clock, store } = await rig()
  const find = async (name: string) => (await findClaims(store, secret, clock.now(), name)).map(({ ref }) => ref)
  t.strictSame(await find(nameOf('done')), [nameOf('done')])
  t.strictSame(await find(nameOf('done').slice(0, 6)), [nameOf('done')])
  t.strictSame(await find('a-key-of-20-characters'), [nameOf('a-key-of-20-characters')])
  t.strictSame(await find('a-key-of-20'), [])
  t.strictSame(await findClaims(store, Buffer.alloc(32), clock.now(), 'done'), [], 'another installation finds nothing')
})

t.test('I12: the operator says what became of an uncertain claim, and of no other', async t => {
  const { claims, clock } = await rig()
  t.equal(await claims.resolve(nameOf('runs'), 'executed'), 'running')
  t.equal(await claims.resolve(nameOf('done'), 'not-executed'), 'settled')
  t.equal(await claims.resolve('0123456789ab', 'executed'), 'absent')
  t.equal(await claims.resolve('no name', 'executed'), 'absent')
  t.equal(await claims.resolve(nameOf('unsure'), 'executed'), 'done')
  t.equal(await claims.resolve(nameOf('a-key-of-20-characters'), 'not-executed'), 'done')
  const told: string[] = []
  claims.open(request('unsure'), opened => told.push(opened.kind))
  claims.open(request('a-key-of-20-characters'), opened => told.push(opened.kind))
  await clock.advanceAsync(0)
  t.strictSame(told, ['no-body', 'claimed'])
})
