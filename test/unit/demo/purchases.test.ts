import t from 'tap'
import type { Reply } from '../../../src/demo/client.js'
import { PRICE } from '../../../src/demo/market.js'
import { judge, type Shopped, type Shopping } from '../../../src/demo/purchases.js'
import { pageBody, UNPAID } from '../../../src/demo/seller.js'

const page = (id: number): Reply => ({ status: 200, body: pageBody(id), whole: true })
const refused: Reply = { status: 402, body: UNPAID, whole: true }

/** Three pages, and money for two. */
const SHOPPING: Shopping = { name: 'three', count: 3, affordable: 2, behaviour: () => () => 'answer', did: '' }
const WITHOUT: Shopped = { replies: [refused, refused, refused], payments: 0, spent: 0n, earned: 0n }
const GOOD: Shopped = { replies: [page(1), page(2), refused], payments: 2, spent: 2n * PRICE, earned: 2n * PRICE }

t.test('the demo calls a shopping good only if every page was had for its price, once, up to the limit', async t => {
  t.match(judge(SHOPPING, WITHOUT, GOOD), { asked: 3, without: 0, through: 2, payments: 2, spent: '20000', kept: true })
  const broken: [string, Partial<Shopped>][] = [
    ['a page was paid twice', { payments: 3, spent: 3n * PRICE, earned: 3n * PRICE }],
    ['a page was had for nothing', { payments: 1, spent: PRICE, earned: PRICE }],
    ['a page cost a unit more', { spent: 2n * PRICE + 1n, earned: 2n * PRICE + 1n }],
    ['money went to somebody else', { earned: PRICE }],
    [
      'the limit was passed',
      { replies: [page(1), page(2), page(3)], payments: 3, spent: 3n * PRICE, earned: 3n * PRICE },
    ],
    ['a page was paid and not had', { replies: [page(1), refused, refused] }],
    ['one page stands for another', { replies: [page(1), page(1), refused] }],
    ['half a page', { replies: [page(1), { ...page(2), whole: false }, refused] }],
    ["another 402 than the seller's", { replies: [page(1), page(2), { ...refused, body: '{}' }] }],
    ['another status in its place', { replies: [page(1), page(2), { ...refused, status: 502 }] }],
  ]
  for (const [name, change] of broken) t.equal(judge(SHOPPING, WITHOUT, { ...GOOD, ...change }).kept, false, name)
})
