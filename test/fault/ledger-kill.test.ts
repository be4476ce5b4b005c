import { test } from 'tap'
import { type Entry, listEntries } from '../../src/ledger/entry.js'
import { isFinal, livesUntil } from '../../src/ledger/purchase-record.js'
import { openStore } from '../../src/store/open-store.js'
import { systemClock } from '../../src/time/clock.js'
import { seeded } from '../support/random.js'
import { shortDir } from '../support/short-dir.js'
import { startStoreProcess } from '../support/store-process.js'

/** 100 by hand: the time is that of so many starts. */
const KILLS = Number(process.env['KILLS'] ?? 15)
const LIMIT = 20_000
const KEYS = 12
const settings = { kind: 'embedded' } as const

test(`P10: after kill -9 at ${KILLS} random points the limit is exact, and nothing was signed twice`, async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const state = shortDir(t)
  const said: string[] = []
  const shop = (limit: number) => {
    const args = [String(KEYS), String(limit)]
    return startStoreProcess(t, 'shop', { settings, state, args, program: 'ledger-program.js' })
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const process = shop(LIMIT)
    await process.said(1 + Math.floor(random() * 25))
    process.child.kill('SIGKILL')
    await process.gone
    said.push(...process.lines)
  }
  const signed = said.filter(line => line.startsWith('sign ')).map(line => line.slice(5))
  const store = await openStore(settings, { state, clock: systemClock, env: {}, name: 'ledger' })
  t.teardown(() => store.close())
  const entries = async () => {
    const all: Entry[] = []
    for await (const entry of listEntries(store, systemClock.now(), {})) all.push(entry)
    return all.sort((a, b) => (a.id < b.id ? -1 : 1))
  }
  const killed = await entries()
  const ids = new Set(killed.map(({ id }) => id))
  t.strictSame(
    signed.filter(id => !ids.has(id)),
    [],
    'what was about to be sent is written down',
  )
  const limit = killed.length + 30
  const last = shop(limit)
  await last.gone
  t.equal(last.lines.at(-1), 'done')
  const all = await entries()
  t.equal(all.length, limit, 'exactly as many signatures as the limit: no room was lost, and none won')
  t.strictSame(secondSignatures(all), [])
  t.comment(`${all.length} signatures, ${said.length - signed.length - KILLS} presented again`)
})

/** Purchases whose key was signed for again while they could be cashed, and nobody knew their outcome. */
function secondSignatures(entries: readonly Entry[]): string[] {
  const last = new Map<string, Entry>()
  const wrong: string[] = []
  for (const entry of entries) {
    const before = last.get(entry.purchaseKey)
    last.set(entry.purchaseKey, entry)
    if (before === undefined) continue
    const isKnown = isFinal(before.state) && before.endedAt <= entry.signedAt
    if (!isKnown && entry.signedAt < livesUntil(before)) wrong.push(`${before.id} and ${entry.id}`)
  }
  return wrong
}
