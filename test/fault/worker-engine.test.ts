import { EventEmitter } from 'node:events'
import { type Test, test } from 'tap'
import { parseConfig } from '../../src/config/load.js'
import { systemClock } from '../../src/time/clock.js'
import { Link } from '../../src/workers/link.js'
import type { Addresses, Order, PrimaryCalls, WorkerCalls } from '../../src/workers/protocol.js'
import { shareOf } from '../../src/workers/share.js'
import { serveAsWorker } from '../../src/workers/worker-engine.js'
import { request } from '../support/client.js'
import { until } from '../support/crowd.js'
import { answer, startUpstream } from '../support/upstream.js'

type Group = Parameters<PrimaryCalls['exchanges']>[0]

/** A worker in this process, and the primary's end of its pipe. */
async function workerFor(t: Test) {
  const upstream = await startUpstream(() => answer(200, 'ok'))
  t.teardown(() => upstream.close())
  const home = t.testdir({})
  const orderFor = (route = 'first'): Order => {
    const yaml = `workers: 2\nlisten: { proxy: "127.0.0.1:0", admin: 127.0.0.1:0 }\nstate: ${home}\nlog: { level: silent }\nroutes: [{ name: ${route}, match: { host: "*" } }]\n`
    const { config } = parseConfig('/etc/m.yaml', yaml, { HOME: home })
    return { config: shareOf(config, 2), pseudonym: 'mulligan-test', own: [], watched: false, minted: [] }
  }
  const groups: Group[] = []
  let take: () => Promise<void> = async () => undefined
  const handlers = {
    hello: () => undefined,
    token: async () => ({ reason: 'none', permanent: true, retryAfter: orderFor().config.shutdown.drain }),
    exchanges: (group: Group) => {
      groups.push(group)
      return take()
    },
    minted: () => undefined,
  }
  const pipe = new EventEmitter()
  const link = new Link<WorkerCalls, PrimaryCalls>(
    message => pipe.emit('message', structuredClone(message)),
    handlers,
    systemClock,
  )
  const gone = new Promise(resolve => Object.assign(pipe, { exit: resolve }))
  Object.assign(pipe, { send: (message: unknown) => setImmediate(() => link.receive(structuredClone(message))) })
  serveAsWorker(pipe as unknown as NodeJS.Process)
  t.teardown(() => {
    pipe.emit('disconnect')
    return gone
  })
  const portOf = ({ proxy: [address] }: Addresses) => (address?.kind === 'tcp' ? address.port : 0)
  return {
    ...{ upstream, link, groups, orderFor, portOf },
    onTake: (taking: () => Promise<void>) => {
      take = taking
    },
  }
}

test('what a worker is told while it begins counts when it serves', async t => {
  const { upstream, link, groups, orderFor, portOf } = await workerFor(t)
  const starting = link.ask('start', orderFor())
  link.tell('own', { kind: 'tcp', host: '127.0.0.1', port: upstream.port })
  link.tell('watch', true)
  const port = portOf(await starting)
  t.match(await request(port, `${upstream.url}/x`), { status: 508 }, 'an address of ours is not dialled')
  await until(() => groups.length > 0)
})

test('a worker keeps nothing for a primary that does not take it, but counts it', async t => {
  const { upstream, link, groups, orderFor, portOf, onTake } = await workerFor(t)
  let taken = () => {}
  onTake(() => new Promise(resolve => (taken = resolve)))
  const port = portOf(await link.ask('start', { ...orderFor(), watched: true }))
  const askFor = (count: number) => Promise.all(Array.from({ length: count }, () => request(port, `${upstream.url}/x`)))
  await askFor(1)
  await until(() => groups.length === 1)
  await askFor(3)
  // Its groups are a tenth of a second apart; that nothing comes is seen by what comes after.
  await new Promise(resolve => setTimeout(resolve, 300))
  t.equal(groups.length, 1)
  taken()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await askFor(1)
  await until(() => groups.length === 2)
  t.match(groups[1], { missed: 3, exchanges: { length: 1 } })
})

test('F7: a configuration that was discarded while it was made ready is not in force later', async t => {
  const { upstream, link, orderFor, portOf } = await workerFor(t)
  const port = portOf(await link.ask('start', orderFor()))
  const prepared = link.ask('prepare', orderFor('second').config)
  link.tell('discard', undefined)
  await prepared
  await link.ask('commit', undefined)
  await request(port, `${upstream.url}/x`)
  t.match(await link.ask('exchanges', { limit: 1 }), [{ route: 'first' }])
})
