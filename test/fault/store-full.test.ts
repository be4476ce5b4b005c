import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { openStore } from '../../src/store/open-store.js'
import type { Store } from '../../src/store/store.js'
import { ManualClock } from '../support/clock.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { shortDir } from '../support/short-dir.js'
import { counted, put, scanned, write } from '../support/store-work.js'

const CAP = 1_048_576
const VALUE = Buffer.alloc(10_000, 1)

/** What a store with a cap does at its cap. */
async function capped(t: Test, clock: ManualClock, store: Store): Promise<void> {
  const now = clock.now()
  const comfort = (n: number) => put(`comfort/${n}`, VALUE, { expiresAt: now + 1_000_000 + n, evictable: true })
  for (let n = 199; n >= 0; n--) await write(store, comfort(n))
  const kept = await scanned(store, 'comfort/')
  t.ok(kept.length > 40 && kept.length < 110, `${kept.length} of 200 are there`)
  // Written last, and soonest over: each made room by dropping the one before it.
  t.ok(
    kept.some(([key]) => key === 'comfort/199'),
    'what ends last stays longest',
  )
  const promise = (n: number) => put(`promise/${n}`, VALUE, { expiresAt: now + 2_000_000 })
  let promises = 0
  for (; promises < 200; promises++) {
    const failed = await write(store, promise(promises)).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failed === undefined) continue
    t.match(failed, { name: 'StoreError', trouble: 'full', message: /full/ })
    break
  }
  t.ok(promises > 40 && promises < 110, `${promises} promises fit`)
  t.equal((await scanned(store, 'comfort/')).length, 0, 'no comfort is left')
  t.equal(
    (await scanned(store, 'promise/')).length,
    promises,
    'no promise was dropped, and the refused one is not there',
  )
  await t.rejects(
    store.update(['promise/0', 'x'], () => ({ result: 1, puts: [put('x', VALUE)], deletes: [] })),
    { name: 'StoreError', trouble: 'full' },
  )
  await store.update(['promise/0', 'y'], () => ({ result: 1, puts: [put('y', VALUE)], deletes: ['promise/0'] }))
  t.ok(await store.get('y'), 'one may take the place of another')
  clock.advance(3_000_000)
  await write(store, put('late', VALUE), put('later', VALUE))
  t.ok(await store.get('later'), 'what is over makes room')
}

test('a store in memory that is full drops comforts, soonest end first, and never a promise', async t => {
  const clock = new ManualClock()
  await capped(t, clock, memoryStore(clock, CAP))
  t.equal(clock.pending, 0, 'without a timer')
})

test('a store on disk that is full drops comforts, soonest end first, and never a promise', async t => {
  const clock = new ManualClock()
  const store = await embeddedStore({ state: shortDir(t), name: 'full', clock, maxBytes: CAP })
  t.teardown(() => store.close())
  await capped(t, clock, store)
})

test('what is over leaves the file by itself, and the last of it takes the timer along', async t => {
  const clock = new ManualClock()
  const store = await embeddedStore({ state: shortDir(t), name: 'sweep', clock, maxBytes: CAP })
  t.teardown(() => store.close())
  t.equal((await scanned(store, '')).length, 0)
  clock.advance(10_000)
  t.equal(clock.pending, 0, 'nothing to wait for')
  for (let n = 0; n < 250; n++)
    await write(store, put(`a/${n}`, 'x', { expiresAt: clock.now() + 5_000, evictable: n % 2 === 0 }))
  await write(store, put('ever', 'x'))
  t.equal(clock.pending, 1)
  clock.advance(10_000)
  t.equal(clock.pending, 0)
  // Back before their end: they would be read again if they were still there.
  clock.jump(-8_000)
  t.strictSame(
    (await scanned(store, '')).map(([key]) => key),
    ['ever'],
  )
})

test('a full disk fails what is written, and is over when there is room again', async t => {
  const mount = shortDir(t)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount]).status !== 0) {
    t.comment('no file system could be mounted: a full disk was not tried')
    return
  }
  t.teardown(() => spawnSync('umount', ['-l', mount]))
  const store = await embeddedStore({ state: mount, name: 'disk', clock: new ManualClock() })
  t.teardown(() => store.close())
  await counted(store, ['n'])
  const ballast = join(mount, 'ballast')
  let failed: unknown
  writeFileSync(ballast, Buffer.alloc(1_000_000))
  for (let n = 0; n < 100 && failed === undefined; n++) {
    await write(store, put(`a/${n}`, Buffer.alloc(50_000))).catch((error: unknown) => {
      failed = error
    })
  }
  t.match(failed, { name: 'StoreError', trouble: 'full', message: /no room on the disk .*disk\.mdb/ })
  t.equal(String(await store.get('n')), '1', 'it is still read')
  rmSync(ballast)
  t.equal(await counted(store, ['n']), 2, 'and written, without a restart')
  await write(store, put('b', Buffer.alloc(50_000)))
})

test('a directory that cannot be had is told by its path', async t => {
  const state = shortDir(t)
  writeFileSync(join(state, 'store'), 'a file')
  await t.rejects(embeddedStore({ state, name: 'x', clock: new ManualClock() }), {
    trouble: 'broken',
    message: /store\/x\.mdb/,
  })
  if (process.getuid?.() === 0) {
    t.comment('root may write everywhere: a directory without the right to write was not tried')
    return
  }
  const closed = join(shortDir(t), 'closed')
  mkdirSync(closed)
  chmodSync(closed, 0o500)
  await t.rejects(embeddedStore({ state: closed, name: 'x', clock: new ManualClock() }), {
    trouble: 'broken',
    message: /make its directory writable/,
  })
})

test('one file is opened once', async t => {
  const options = { state: shortDir(t), name: 'x', clock: new ManualClock() }
  const store = await embeddedStore(options)
  await t.rejects(embeddedStore(options), { trouble: 'broken', message: /already open in this process/ })
  await store.close()
  await (await embeddedStore(options)).close()
})

test('a Redis without memory refuses what is written, all of it', async t => {
  if (!hasRedis(t)) return
  const { settings } = await startRedis(t, ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'])
  const store = await openStore(settings, { state: '', clock: new ManualClock(), env: {} })
  t.teardown(() => store.close())
  let failed: unknown
  for (let n = 0; n < 100 && failed === undefined; n++) {
    await write(store, put(`a/${n}`, Buffer.alloc(100_000)), put(`b/${n}`, 'x')).catch((error: unknown) => {
      failed = error
    })
  }
  t.match(failed, { name: 'StoreError', trouble: 'full', message: /out of memory/ })
  t.equal((await scanned(store, 'a/')).length, (await scanned(store, 'b/')).length)
})
