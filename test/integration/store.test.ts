import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { StoreSettings } from '../../src/config/config.js'
import { openStore } from '../../src/store/open-store.js'
import { StoreError } from '../../src/store/store.js'
import { type Clock, systemClock } from '../../src/time/clock.js'
import { ManualClock } from '../support/clock.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { shortDir } from '../support/short-dir.js'
import { startStoreProcess } from '../support/store-process.js'
import { counted, FOR_EVER, put, scanned, write } from '../support/store-work.js'

type Place = { readonly settings: StoreSettings; readonly state: string }

/** The same promises of every store. Redis has the ends of its entries by its own clock. */
async function promises(t: Test, { settings, state }: Place): Promise<void> {
  const clock = new ManualClock(Date.now())
  let names = 0
  const open = async (t: Test, at: Clock = clock) => {
    names += 1
    const store = await openStore(settings, { state, clock: at, env: {}, name: `s${names}` })
    t.teardown(() => store.close())
    return store
  }

  t.test('what was written is read, overwritten and forgotten', async t => {
    const store = await open(t)
    t.equal(store.kind, settings.kind)
    t.equal(await store.get('a'), undefined)
    await write(store, put('a', 'one'), put('b', 'two'))
    t.equal(String(await store.get('a')), 'one')
    const seen = await store.update(['b', 'a', 'c'], current => ({
      result: current.map(value => value?.toString()),
      puts: [put('a', '')],
      deletes: ['b', 'c'],
    }))
    t.strictSame(seen, ['two', 'one', undefined], 'in the order that was asked for')
    t.equal((await store.get('a'))?.length, 0, 'an empty value is not none')
    t.equal(await store.get('b'), undefined)
  })

  t.test('a value is what it was when it was written', async t => {
    const store = await open(t)
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const large = Buffer.alloc(1_048_576, every)
    await write(store, put('every', every), put('large', large))
    const copy = Buffer.from(every)
    every.fill(0)
    t.ok((await store.get('every'))?.equals(copy), 'every byte, whatever the writer does with its buffer')
    t.ok((await store.get('large'))?.equals(large), 'a mebibyte')
  })

  t.test('keys are told apart by every character', async t => {
    const store = await open(t)
    const keys = [
      'k',
      'K',
      'k ',
      'k\u0001',
      'k*',
      'k?',
      'k[a]',
      'k\\',
      'kä',
      'k\u{1f680}',
      'k/1',
      'k/10',
      `k${'x'.repeat(1_000)}`,
    ]
    for (const key of keys) await write(store, put(key, key))
    for (const key of keys) t.equal(String(await store.get(key)), key)
    t.equal((await scanned(store, 'k')).length, keys.length - 1)
    t.strictSame(
      (await scanned(store, 'k*')).map(([key]) => key),
      ['k*'],
      'a prefix is no pattern',
    )
  })

  t.test('a scan has all keys with the prefix, in order', async t => {
    const store = await open(t)
    const name = (n: number) => `claim/${String(n).padStart(4, '0')}`
    for (let n = 349; n >= 0; n--) await write(store, put(name(n), String(n)), put(`other/${n}`, ''))
    const found = await scanned(store, 'claim/')
    t.strictSame(
      found,
      Array.from({ length: 350 }, (_, n) => [name(n), String(n)]),
    )
    t.strictSame(await scanned(store, 'none/'), [])
    t.equal((await scanned(store, '')).length, 700)
  })

  t.test('of many updates at once none is lost', async t => {
    const store = await open(t)
    const numbers = await Promise.all(Array.from({ length: 200 }, (_, n) => counted(store, ['total', `one/${n % 7}`])))
    t.strictSame(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    t.equal(String(await store.get('total')), '200')
    const parts = await scanned(store, 'one/')
    t.equal(
      parts.reduce((sum, [, n]) => sum + Number(n), 0),
      200,
      'each with all its keys',
    )
  })

  t.test('a decision that throws changes nothing, and its error comes back', async t => {
    const store = await open(t)
    await write(store, put('a', 'before'))
    const bug = new Error('a bug')
    await t.rejects(
      store.update(['a'], () => {
        throw bug
      }),
      bug,
    )
    const stray = store.update(['a'], () => ({ result: 1, puts: [put('a', 'after'), put('b', 'stray')] }))
    await t.rejects(stray, { message: /only write the keys it read/ })
    await t.rejects(
      store.update(['a'], () => ({ result: 1, deletes: ['b'] })),
      { message: /only write the keys it read/ },
    )
    t.equal(String(await store.get('a')), 'before')
    t.equal(await counted(store, ['n']), 1, 'and it goes on')
  })

  t.test('flushed or not, what is acknowledged is read', async t => {
    const store = await open(t)
    const change = () => ({ result: 'done', puts: [put('a', '1')] })
    t.equal(await store.update(['a'], change, { flushed: true }), 'done')
    t.equal(String(await store.get('a')), '1')
  })

  t.test('an entry is gone when its time is over, for reading, deciding and scanning', async t => {
    const store = await open(t, settings.kind === 'redis' ? systemClock : clock)
    const time = () => (settings.kind === 'redis' ? Date.now() : clock.now())
    const span = settings.kind === 'redis' ? 300 : 60_000
    let now = time()
    let found: Buffer | undefined
    do {
      now = time()
      await write(
        store,
        put('short', '1', { expiresAt: now + span }),
        put('long', '2', { expiresAt: now + 1e9 }),
        put('ever', '3'),
      )
      found = await store.get('short')
      // Where the machine stood still for as long as that, it is over already.
    } while (time() >= now + span)
    t.equal(String(found), '1', 'not before')
    if (settings.kind === 'redis') while ((await store.get('short')) !== undefined);
    else clock.advance(span)
    t.equal(await store.get('short'), undefined)
    t.equal(await store.update(['short'], ([current]) => ({ result: current })), undefined)
    t.strictSame(
      (await scanned(store, '')).map(([key]) => key),
      ['ever', 'long'],
    )
    t.equal(await counted(store, ['short']), 1, 'its place can be taken')
  })

  t.test('a later end replaces an earlier one', async t => {
    const store = await open(t)
    const start = settings.kind === 'redis' ? Date.now() : clock.now()
    await write(store, put('a', '1', { expiresAt: start + 60_000 }))
    await write(store, put('a', '2'))
    if (settings.kind !== 'redis') clock.advance(3_600_000)
    t.equal(String(await store.get('a')), '2')
  })

  t.test('what is closed answers with an error, and can be closed twice', async t => {
    const store = await open(t)
    await write(store, put('a', '1'))
    await store.close()
    await store.close()
    if (settings.kind === 'memory') return
    await t.rejects(store.get('a'), StoreError)
    await t.rejects(counted(store, ['a']), StoreError)
  })
}

/** Promises of stores that several processes use. */
async function sharedPromises(t: Test, place: Place): Promise<void> {
  t.test('three processes that race for claims have each claim once', async t => {
    const CLAIMS = 300
    const racers = [1, 2, 3].map(() => startStoreProcess(t, 'claim', { ...place, args: [String(CLAIMS)] }))
    await Promise.all(racers.map(racer => racer.said(1)))
    for (const { child } of racers) child.stdin?.write('go\n')
    for (const { gone } of racers) t.strictSame(await gone, { code: 0, signal: null })
    const won = racers.flatMap(({ lines }) => lines.slice(1))
    t.equal(won.length, CLAIMS)
    t.equal(new Set(won).size, CLAIMS)
    t.comment(`won: ${racers.map(({ lines }) => lines.length - 1).join(', ')}`)
  })

  t.test('what several processes count at once adds up', async t => {
    const counters = [1, 2, 3].map(() => startStoreProcess(t, 'count', { ...place, args: ['100'] }))
    for (const { gone } of counters) t.strictSame(await gone, { code: 0, signal: null })
    const store = await openStore(place.settings, { state: place.state, clock: systemClock, env: {} })
    t.teardown(() => store.close())
    t.equal(String(await store.get('total')), '300')
    t.strictSame(
      (await scanned(store, 'own/')).map(([, n]) => n),
      ['100', '100', '100'],
    )
  })

  t.test('it is there for the next process', async t => {
    const { settings, state } = place
    const first = await openStore(settings, { state, clock: systemClock, env: {}, name: 'next' })
    await write(first, put('a', '1', { expiresAt: FOR_EVER }))
    await first.close()
    const second = await openStore(settings, { state, clock: systemClock, env: {}, name: 'next' })
    t.teardown(() => second.close())
    t.equal(String(await second.get('a')), '1')
  })
}

test('the store in memory', t => promises(t, { settings: { kind: 'memory' }, state: shortDir(t) }))

test('the store on disk', async t => {
  const place: Place = { settings: { kind: 'embedded' }, state: shortDir(t) }
  await promises(t, place)
  await sharedPromises(t, place)
  t.test('nobody else can read its files', async t => {
    const folder = join(place.state, 'store')
    t.equal(statSync(folder).mode & 0o777, 0o700)
    for (const name of readdirSync(folder)) t.equal(statSync(join(folder, name)).mode & 0o077, 0, name)
  })
})

test('the store in Redis', async t => {
  if (!hasRedis(t)) return
  const { settings } = await startRedis(t)
  const place: Place = { settings, state: shortDir(t) }
  await promises(t, place)
  await sharedPromises(t, place)
})
