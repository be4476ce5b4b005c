import t from 'tap'
import { MintedKeys } from '../../../src/idempotency/minted-keys.js'
import { ManualClock } from '../../support/clock.js'

t.test("R11: a key that one process made is known to another that learnt of it, by the request's print", t => {
  const clock = new ManualClock()
  const other = new MintedKeys(clock)
  const told: string[] = []
  const one = new MintedKeys(clock, (name, key) => {
    told.push(name)
    other.learn(name, key)
  })
  const parts = ['POST', 'https://api.test/orders', 'body']
  one.remember(parts, 'minted')
  t.equal(other.recall(parts), 'minted')
  t.equal(other.recall(['POST', 'https://api.test/orders', 'another']), undefined)
  t.equal(told.length, 1, 'what was learnt is not told on')
  t.notMatch(told[0], /orders|body/)
  t.end()
})

t.test('R11: what a process learns that came later is forgotten when the others forget it', t => {
  const clock = new ManualClock()
  const one = new MintedKeys(clock)
  const parts = ['POST', 'https://api.test/orders', 'body']
  one.remember(parts, 'minted')
  clock.advance(400_000)
  const late = new MintedKeys(clock)
  for (const { name, key, age } of one.known()) late.learn(name, key, age)
  t.equal(late.recall(parts), 'minted')
  clock.advance(200_000)
  t.equal(late.recall(parts), 'minted', 'within 10 minutes')
  clock.advance(1)
  t.equal(late.recall(parts), undefined)
  t.equal(one.recall(parts), undefined)
  t.end()
})
