import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { openStore } from '../../src/store/open-store.js'
import { StoreError } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { counted } from '../support/store-work.js'

const world = { state: '', clock: systemClock, env: {} }

test('a Redis that dies fails what is asked within 2 s, and is used again when it is back', async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  const store = await openStore(redis.settings, world)
  t.teardown(() => store.close())
  t.equal(await counted(store, ['n']), 1)
  const running = Array.from({ length: 50 }, () => counted(store, ['n']).catch((error: unknown) => error))
  await redis.kill()
  const from = performance.now()
  const ended = await Promise.all(running)
  await t.rejects(counted(store, ['n']), { name: 'StoreError', trouble: 'unreachable', message: /cannot be reached/ })
  t.ok(performance.now() - from < 2_500, `it took ${Math.round(performance.now() - from)} ms`)
  const done = ended.filter(one => typeof one === 'number').length
  t.ok(ended.every(one => typeof one === 'number' || (one instanceof StoreError && one.trouble === 'unreachable')))
  await redis.start()
  let n: number | undefined
  while (n === undefined) {
    await new Promise(resolve => setImmediate(resolve))
    n = await counted(store, ['n']).catch(() => undefined)
  }
  // The one that was under way may have been written without our knowledge: never less than what was acknowledged.
  t.ok(n === done + 2 || n === done + 3, `${done} were acknowledged while it died, then it was ${n}`)
})

test('a Redis that says nothing is given up after 2 s', async t => {
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = silent.address() as { port: number }
  const login = { username: undefined, password: undefined }
  const from = performance.now()
  const store = await openStore(
    { kind: 'redis', tls: false, host: '127.0.0.1', port, db: 0, prefix: '', ...login },
    world,
  )
  t.teardown(() => store.close())
  await t.rejects(counted(store, ['n']), { name: 'StoreError', trouble: 'unreachable' })
  t.ok(performance.now() - from < 5_000, `it took ${Math.round(performance.now() - from)} ms`)
})

test('a Redis that is not there yet is used when it comes', async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  await redis.kill()
  const store = await openStore(redis.settings, world)
  t.teardown(() => store.close())
  await t.rejects(store.get('a'), { trouble: 'unreachable', message: /ECONNREFUSED/ })
  await redis.start()
  let n: number | undefined
  while (n === undefined) {
    await new Promise(resolve => setImmediate(resolve))
    n = await counted(store, ['n']).catch(() => undefined)
  }
  t.equal(n, 1)
})

test('a Redis that wants another password is told at the start, without the password', async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t, ['--requirepass', 'right'])
  const login = (password: string) => ({ ...redis.settings, password: { env: password } })
  const env = { GOOD: 'right', BAD: 'hush-hush' }
  const failed = await openStore(login('BAD'), { ...world, env }).catch((error: unknown) => error)
  t.match(failed, { name: 'StoreError', trouble: 'broken', message: /refuses us: WRONGPASS/ })
  t.notMatch(String((failed as Error).stack), /hush/)
  const stranger = await openStore(redis.settings, world)
  t.teardown(() => stranger.close())
  await t.rejects(stranger.get('a'), { trouble: 'broken', message: /NOAUTH/ })
  const store = await openStore(login('GOOD'), { ...world, env })
  t.teardown(() => store.close())
  t.equal(await counted(store, ['n']), 1)
})
