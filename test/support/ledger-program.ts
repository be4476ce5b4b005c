import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { StoreSettings } from '../../src/config/config.js'
import { Ledger } from '../../src/ledger/ledger.js'
import type { Outcome } from '../../src/ledger/purchase.js'
import { openStore } from '../../src/store/open-store.js'
import { systemClock } from '../../src/time/clock.js'
import { ask, limits, signedFor } from './ledger-rig.js'

const [, , work = '', settings = '', state = '', count = '0', limit = '0'] = process.argv
const say = (line: string) => process.stdout.write(`${line}\n`)

const store = await openStore(JSON.parse(settings) as StoreSettings, {
  state,
  clock: systemClock,
  env: process.env,
  name: 'ledger',
})
const ledger = new Ledger(store, systemClock, randomBytes(8).toString('hex'))
const rules = { amount: 1n, limits: limits({ total: { USDC: BigInt(limit) } }) }

/** @returns whether there was room, or something to present again */
async function buy(key: string, outcome: () => Outcome): Promise<boolean> {
  const open = await ledger.claimUnknown(key)
  if (open !== undefined) {
    say(`present ${open.id}`)
    await ledger.settle(open, outcome(), { attempts: 1 })
    return true
  }
  const result = await ledger.reserve(ask(key, rules))
  if ('refused' in result) return result.refused === 'in_flight'
  const { purchase } = result
  await ledger.signed(purchase, signedFor(purchase, systemClock.now()))
  say(`sign ${purchase.id}`)
  await ledger.settle(purchase, outcome(), { attempts: 1 })
  return true
}

/** What a process does at a ledger that others use too. */
const WORKS: Readonly<Record<string, () => Promise<void>>> = {
  /** Buys so many different things at once; begins when told. */
  async race() {
    say('ready')
    await once(process.stdin, 'data')
    process.stdin.pause()
    await Promise.all(Array.from({ length: Number(count) }, (_, n) => buy(`${process.pid}/${n}`, () => 'settled')))
  },
  /** Buys the same few things again and again, as long as there is room; half of the outcomes are not known. */
  async shop() {
    say('ready')
    const hands = Array.from({ length: 4 }, async (_, hand) => {
      for (let n = hand; ; n++) {
        const outcome = () => (Math.random() < 0.5 ? 'settled' : 'unknown')
        if (!(await buy(`key${n % Number(count)}`, outcome))) return
      }
    })
    await Promise.all(hands)
  },
}

await WORKS[work]?.()
await ledger.close()
await store.close()
say('done')
