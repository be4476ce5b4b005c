import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { embeddedStore } from '../../src/store/embedded-store.js'
import type { Store } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { shortDir } from '../support/short-dir.js'
import { counted, put, scanned, write } from '../support/store-work.js'

const name = 'turns'

async function opened(t: Test, maxBytes?: number): Promise<{ readonly store: Store; readonly commits: () => bigint }> {
  const state = shortDir(t)
  const store = await embeddedStore({ state, name, clock: systemClock, ...(maxBytes && { maxBytes }) })
  t.teardown(() => store.close())
  return { store, commits: () => commitsOf(join(state, 'store', `${name}.mdb`)) }
}

/** How many there have been: LMDB numbers them, in the younger of the two pages that a file begins with. */
function commitsOf(path: string): bigint {
  const file = openSync(path, 'r')
  const pages = Buffer.alloc(8_192)
  readSync(file, pages, 0, pages.length, 0)
  closeSync(file)
  const [one, two] = [pages.readBigUInt64LE(152), pages.readBigUInt64LE(4_096 + 152)]
  return one > two ? one : two
}

test('updates that are asked for in one turn are one commit, each of them whole', async t => {
  const { store, commits } = await opened(t)
  const before = commits()
  await write(store, put('alone', '1'))
  t.equal(commits() - before, 1n, 'one alone is one commit')
  const all = Array.from({ length: 64 }, (_, n) => counted(store, ['total', `own/${n}`]))
  t.equal(commits() - before, 1n, 'nothing is written before the turn is over')
  t.strictSame(
    await Promise.all(all),
    Array.from({ length: 64 }, (_, n) => n + 1),
    'each sees what those before it wrote',
  )
  t.equal(commits() - before, 2n)
  t.equal(String(await store.get('total')), '64')
  t.equal((await scanned(store, 'own/')).length, 64)
})

test('a crowd is several commits, and in the order of asking', async t => {
  const { store, commits } = await opened(t)
  const before = commits()
  const order: number[] = []
  const crowd = Array.from({ length: 1_000 }, async () => order.push(await counted(store, ['total'])))
  await Promise.all(crowd)
  t.strictSame(
    order,
    Array.from({ length: 1_000 }, (_, n) => n + 1),
  )
  t.ok(commits() - before > 1n && commits() - before < 20n, `${commits() - before} commits`)
})

test('large values of one turn are not in memory all at once: each commit takes about one MiB', async t => {
  const { store, commits } = await opened(t)
  const before = commits()
  const keys = Array.from({ length: 9 }, (_, n) => `k${n}`)
  await Promise.all(keys.map(key => write(store, put(key, Buffer.alloc(600_000, 1)))))
  t.equal(commits() - before, 5n, 'two of them each')
  t.strictSame(
    (await scanned(store, 'k')).map(([key]) => key),
    keys,
  )
})

test('a bug of one caller is told to that one, and the others of its turn are written', async t => {
  const { store, commits } = await opened(t)
  const before = commits()
  const bug = new Error('a bug of the caller')
  const broken = store.update(['a'], () => {
    throw bug
  })
  const stray = store.update(['a'], () => ({ result: 0, puts: [put('b', 'unread')] }))
  const good = counted(store, ['a'])
  await t.rejects(broken, bug)
  await t.rejects(stray, { message: /may only write the keys it read/ })
  t.equal(await good, 1)
  t.equal(commits() - before, 1n)
  t.equal(await store.get('b'), undefined)
})

test('what is written and taken back within one turn was never there', async t => {
  const { store } = await opened(t)
  const written = write(store, put('a', 'one'), put('b', 'two', { expiresAt: Date.now() + 60_000, evictable: true }))
  const taken = store.update(['a', 'b'], current => ({ result: current.map(String), deletes: ['a', 'b'] }))
  const last = store.update(['a', 'b'], current => ({ result: current, puts: [put('b', 'three')] }))
  await written
  t.strictSame(await taken, ['one', 'two'])
  t.strictSame(await last, [undefined, undefined])
  t.strictSame(await scanned(store, ''), [['b', 'three']])
})

test('where the turn does not fit, what fits is written, and only the rest is refused', async t => {
  const { store } = await opened(t, 100_000)
  const sizes = [30_000, 200_000, 30_000, 30_000, 30_000]
  const told = await Promise.allSettled(sizes.map((size, n) => write(store, put(`k${n}`, Buffer.alloc(size, 1)))))
  t.strictSame(
    told.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'rejected'],
  )
  for (const one of told) if (one.status === 'rejected') t.match(one.reason, { name: 'StoreError', trouble: 'full' })
  t.strictSame(
    (await scanned(store, 'k')).map(([key]) => key),
    ['k0', 'k2', 'k3'],
  )
})

test('what waits when the store is closed is written, and what comes later is refused', async t => {
  const { store } = await opened(t)
  const waiting = counted(store, ['a'])
  const closed = store.close()
  t.equal(await waiting, 1)
  await closed
  await t.rejects(counted(store, ['a']), { name: 'StoreError', trouble: 'broken', message: /is closed/ })
})

test('who asks when all is written is told behind the commit of what was asked before, also of what failed', async t => {
  const { store, commits } = await opened(t, 100_000)
  const before = commits()
  const told: string[] = []
  store.whenWritten(() => told.push('nothing waits'))
  t.strictSame(told, ['nothing waits'])
  const asked = [write(store, put('a', '1')), write(store, put('big', Buffer.alloc(200_000)))]
  const tell = () => told.push(`${commits() - before} commits`)
  await new Promise<void>(resolve => {
    store.whenWritten(() => {
      tell()
      resolve()
    })
    t.strictSame(told, ['nothing waits'])
  })
  t.strictSame(told, ['nothing waits', '1 commits'])
  t.strictSame(
    (await Promise.allSettled(asked)).map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  t.equal(String(await store.get('a')), '1')
})
