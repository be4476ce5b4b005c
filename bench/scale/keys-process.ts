import { once } from 'node:events'
import { openStore } from '../../src/store/open-store.js'
import type { Store } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'
import { residentBytes } from '../memory.js'
import { type ClaimCost, ClaimLoad } from './claim-load.js'

/** @property keys how many are to be there in the end */
export type KeysOrder =
  | { readonly work: 'fill'; readonly state: string; readonly kind: 'embedded' | 'memory'; readonly keys: number }
  | {
      readonly work: 'fill'
      readonly state: string
      readonly kind: 'redis'
      readonly port: number
      readonly keys: number
    }
  | { readonly work: 'open'; readonly state: string }
  | { readonly work: 'sweep'; readonly state: string }

/** @property cost of a claim while the store was empty, and when it was full @property bytes resident, for all that is kept */
export type Filled = {
  readonly first: ClaimCost
  readonly last: ClaimCost
  readonly keys: number
  readonly bytes: number
}
export type Opened = { readonly millis: number }
/** @property micros CPU for each entry that was forgotten @property perSecond how many were */
export type Swept = { readonly micros: number; readonly perSecond: number }

const WARM = 20_000
const MEASURED = 20_000
/** Entries that a step of the sweep takes: of each of the two kinds that end. */
const STEP = 200
const SWEEP_FOR = seconds(5)

async function fill(order: Extract<KeysOrder, { work: 'fill' }>): Promise<Filled> {
  const store = await openStore(settingsOf(order), { state: order.state, clock: systemClock, env: {} })
  const before = residentBytes(process.pid) ?? 0
  const load = new ClaimLoad(store)
  const warm = await load.run(WARM)
  const first = await load.run(MEASURED)
  const more = await load.fill(Math.max(0, order.keys - WARM - 2 * MEASURED))
  const last = await load.run(MEASURED)
  const keys = warm.claims + first.claims + more + last.claims
  return { first, last, keys, bytes: (residentBytes(process.pid) ?? 0) - before }
}

function settingsOf(order: Extract<KeysOrder, { work: 'fill' }>): Parameters<typeof openStore>[0] {
  if (order.kind !== 'redis') return { kind: order.kind }
  const nobody = { username: undefined, password: undefined }
  return { kind: 'redis', tls: false, host: '127.0.0.1', port: order.port, db: 0, prefix: 'scale:', ...nobody }
}

const opened = (state: string, clock = systemClock): Promise<Store> =>
  openStore({ kind: 'embedded' }, { state, clock, env: {} })

async function open({ state }: { readonly state: string }): Promise<Opened> {
  const began = performance.now()
  const store = await opened(state)
  const millis = performance.now() - began
  await store.close()
  return { millis }
}

/** Two days later everything has ended. */
async function sweep({ state }: { readonly state: string }): Promise<Swept> {
  let steps = 0
  const store = await opened(state, {
    ...systemClock,
    now: () => systemClock.now() + seconds(172_800),
    schedule: (delay, task) =>
      systemClock.schedule(delay, () => {
        steps++
        task()
      }),
  })
  const { user, system } = process.cpuUsage()
  await new Promise(resolve => setTimeout(resolve, SWEEP_FOR))
  const spent = process.cpuUsage({ user, system })
  const entries = steps * STEP
  await store.close()
  return { micros: (spent.user + spent.system) / entries, perSecond: (entries * 1_000) / SWEEP_FOR }
}

const [order] = (await once(process, 'message')) as [KeysOrder]
if (order.work === 'fill') process.send?.(await fill(order))
else if (order.work === 'open') process.send?.(await open(order))
else process.send?.(await sweep(order))
// A store that was filled is left open: it is to be found as a crash leaves it.
await once(process, 'disconnect')
process.exit()
