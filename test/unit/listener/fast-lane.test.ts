import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import pino from 'pino'
import t, { type Test } from 'tap'
import { parseConfig } from '../../../src/config/load.js'
import { createClientAccess } from '../../../src/listener/client-access.js'
import { FastLane } from '../../../src/listener/fast-lane.js'
import { Overload } from '../../../src/listener/overload.js'
import { createRules } from '../../../src/listener/rules.js'
import type { ListenerContext } from '../../../src/listener/server.js'
import { readAnswer } from '../../support/client.js'
import { ManualClock } from '../../support/clock.js'

/** A fast lane behind a real port, under a manual clock; what it leaves ends there. */
async function rig(t: Test) {
  const clock = new ManualClock()
  const { config } = parseConfig('test.yaml', 'routes: []', {}, { listen: '127.0.0.1:0', admin: 'off' })
  const rules = createRules(config, createClientAccess(undefined, []))
  const overload = new Overload(clock, () => config.limits, pino({ enabled: false }))
  const services = {
    clock,
    pseudonym: 'test',
    running: { exchanges: 0, tunnels: 0 },
    newId: () => 'id',
    record: undefined,
  }
  const context = {
    services,
    rules: () => rules,
    draining: () => false,
    closes: () => false,
    overload,
  } as unknown as ListenerContext
  const door = {
    address: { kind: 'tcp', host: '127.0.0.1', port: 1 },
    isLocal: true,
    forward: true,
    mounts: true,
  } as const
  const left: Socket[] = []
  let told = ''
  const lane = new FastLane(
    context,
    door,
    (socket, rest) => {
      left.push(socket)
      if (rest.length > 0) socket.unshift(rest)
      socket.on('data', chunk => (told += chunk.toString('latin1'))).resume()
    },
    { headSeconds: 10, idleSeconds: 65 },
  )
  const server = createServer({ allowHalfOpen: true }, socket => lane.accept(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const open = async () => {
    const accepted = once(server, 'connection')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => undefined)
    await accepted
    t.teardown(() => socket.destroy())
    return socket
  }
  t.teardown(() => {
    for (const socket of left) socket.destroy()
    server.close()
  })
  return { clock, left, open, told: () => told }
}

const ASKED = 'GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n'

t.test('a connection on which nothing is asked gets 408 after ten seconds', async t => {
  const { clock, open } = await rig(t)
  const socket = await open()
  clock.advance(10_000)
  t.equal(socket.readableLength, 0)
  const answered = readAnswer(socket)
  clock.advance(1_000)
  t.equal((await answered).status, 408)
  await once(socket, 'close')
  // With no connection there is no timer.
  while (clock.pending > 0) await new Promise(setImmediate)
})

t.test('a connection that was used is closed after 65 idle seconds, each request anew', async t => {
  const { clock, open } = await rig(t)
  const socket = await open()
  for (let i = 0; i < 3; i++) {
    const answered = readAnswer(socket)
    socket.write(ASKED)
    t.match((await answered).head, /^HTTP\/1\.1 404 .*\r\nKeep-Alive: timeout=65$/s)
    clock.advance(64_000)
  }
  t.equal(socket.destroyed, false)
  clock.advance(2_000)
  await once(socket, 'close')
  while (clock.pending > 0) await new Promise(setImmediate)
})

t.test('what is not of the plain form is left with every byte of it, and no more is heard of it', async t => {
  const { clock, left, open, told } = await rig(t)
  const socket = await open()
  const answered = readAnswer(socket)
  const other = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  socket.write(`${ASKED}${other}`)
  t.equal((await answered).status, 404)
  while (told().length < other.length) await new Promise(setImmediate)
  t.equal(told(), other)
  t.strictSame(
    ['data', 'drain'].map(event => left[0]?.listenerCount(event)),
    [1, 0],
  )
  t.equal(clock.pending, 0)
})
