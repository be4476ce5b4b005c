import { randomBytes } from 'node:crypto'
import { openToken, readToken, tokenPath } from '../../src/admin/token.js'
import { openCa, rotateCa } from '../../src/certificate/local-ca.js'
import { RefreshTokenStore } from '../../src/credential/refresh-token-store.js'
import { installSecret } from '../../src/idempotency/install-secret.js'
import { Ledger } from '../../src/ledger/ledger.js'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { openStore } from '../../src/store/open-store.js'
import { ManualClock } from './clock.js'
import { printOfKey } from './crash-facts.js'
import { ask, limits, signedFor } from './ledger-rig.js'
import { type Op, runOne, seeded } from './random.js'
import { say, witnessed } from './witness.js'

/** Everything that is written below a state directory, some of each, by one thread; each step is said (witness.ts). */
const [, , work = '', state = '', steps = '10', seed = '1'] = process.argv
const clock = new ManualClock()
const random = seeded(Number(seed))
const fact = (fact: string, value: string) => say({ fact, value, now: clock.now() })
/** Time goes on; what is due is done meanwhile: the later time is said first, as by then all that ends before may be gone. */
const pass = async (ms: number) => {
  say({ fact: 'time', value: String(ms), now: clock.now() + ms })
  await clock.advanceAsync(ms)
}

/** As the daemon pays: room, a signature, its end; some ends stay open and are presented again. */
async function buy(): Promise<void> {
  const opened = await openStore({ kind: 'embedded' }, { state, clock, env: {}, name: 'ledger' })
  const store = witnessed(opened, clock)
  const ledger = new Ledger(store, clock, randomBytes(8).toString('hex'))
  const rules = { limits: limits({ total: { USDC: 1_000_000n } }), pin: 'https://seller.test' }
  const purchase = async () => {
    const key = `key${Math.floor(random() * 8)}`
    const outcome = random() < 0.6 ? 'settled' : 'unknown'
    const open = await ledger.claimUnknown(key)
    if (open !== undefined) return ledger.settle(open, outcome, { attempts: 2 })
    const result = await ledger.reserve(ask(key, rules))
    if ('refused' in result) return
    if (random() < 0.15) return ledger.release(result.purchase)
    await ledger.signed(result.purchase, signedFor(result.purchase, clock.now()))
    fact('signed', result.purchase.id)
    if (random() < 0.9) await ledger.settle(result.purchase, outcome, { attempts: 1, transaction: '0xfeed' })
  }
  const ops: Op[] = [
    [10, purchase],
    [
      2,
      () =>
        ledger.hold(`key${Math.floor(random() * 8)}`, randomBytes(Math.floor(random() * 20_000)), clock.now() + 9_000),
    ],
    [4, () => pass(1_000)],
    [1, () => pass(70_000)],
  ]
  for (let step = 0; step < Number(steps); step++) await runOne(random, ops)
  await ledger.close()
  await opened.close()
  fact('closed', '')
}

/** Entries of every kind come and go; there is not room for all. */
async function keep(): Promise<void> {
  const opened = await embeddedStore({ state, name: 'claims', clock, maxBytes: 200_000 })
  const store = witnessed(opened, clock)
  const key = () => `claim/${Math.floor(random() * 60)}`
  const value = () => randomBytes(Math.floor(random() < 0.1 ? 5_000 + random() * 20_000 : random() * 600))
  const ends = () => (random() < 0.3 ? Number.POSITIVE_INFINITY : clock.now() + Math.ceil(random() * 60_000))
  const put = (one: string) => ({ key: one, value: value(), expiresAt: ends(), evictable: random() < 0.5 })
  const change = () => {
    const [one, two] = [key(), key()]
    return store.update([one, two], () => ({ result: 1, puts: [put(one)], deletes: one === two ? [] : [two] }))
  }
  // What stays as long and where it was: an older page in its place looks the same.
  const renewal = () => {
    const puts = [1, 2].map(() => ({ ...put(`fixed/${Math.floor(random() * 20)}`), value: randomBytes(400) }))
    const last = puts.map(one => ({ ...one, expiresAt: Number.POSITIVE_INFINITY, evictable: false }))
    return store.update(
      last.map(({ key: one }) => one),
      () => ({ result: 1, puts: last }),
    )
  }
  const ops: Op[] = [
    [20, change],
    [20, renewal],
    [8, () => pass(1_000)],
    [1, () => pass(30_000)],
  ]
  for (let step = 0; step < Number(steps); step++) await runOne(random, ops)
  await opened.close()
  fact('closed', '')
}

/** Refresh tokens that replace each other, under their lock. */
async function rotate(): Promise<void> {
  const store = new RefreshTokenStore(state, 'vendor', clock)
  for (let step = 1; step <= Number(steps); step++) {
    const unlock = await store.lock(clock.now() as never)
    fact('writes', `token-${step}`)
    await store.write('session', { refreshToken: `token-${step}`, access: undefined })
    fact('wrote', `token-${step}`)
    await unlock?.()
  }
}

/** The secrets that are made once, and the CA, made, widened and replaced. */
async function make(): Promise<void> {
  const store = await openStore({ kind: 'embedded' }, { state, clock, env: {} })
  fact('secret', (await installSecret(store, state)).toString('hex'))
  openToken(state)
  fact('token', readToken(tokenPath(state)) ?? '')
  for (const hosts of [['a.test'], ['a.test', 'b.test']]) fact('ca', printOfKey((await openCa(state, hosts, clock)).ca))
  fact('rotates', '')
  fact('ca', printOfKey(await rotateCa(state, ['a.test', 'b.test'], clock)))
  await store.close()
  fact('closed', '')
}

const WORKS: Readonly<Record<string, () => Promise<void>>> = { buy, keep, rotate, make }
await WORKS[work]?.()
