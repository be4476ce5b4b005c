import { connect } from 'node:net'
import t from 'tap'
import { requestBytes } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import type { Script } from '../support/upstream.js'

const MANY = 10_000
const LANES = 100

/** A client that leaves once it has a part of its download. */
function leaveMidBody(port: number, bytes: Buffer, how: 'reset' | 'close'): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let body = false
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.on('data', chunk => {
      body ||= chunk.includes('some of it')
      if (!body) return
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    })
    socket.write(bytes)
  })
}

t.test('L9: 10,000 abandoned downloads leave no upstream socket', async t => {
  const part = 'some of it'.repeat(100)
  const heads = [
    'Content-Length: 1000000\r\n\r\n',
    `Transfer-Encoding: chunked\r\n\r\n${part.length.toString(16)}\r\n`,
    '\r\n',
  ]
  const script: Script = seen => `HTTP/1.1 200 OK\r\n${heads[seen.number % heads.length]}${part}`
  const { upstream, daemon, url } = await scene(t, script)
  const bytes = requestBytes(url)
  let asked = 0
  const abandon = async (count: number) => {
    asked += count
    await crowd(count, LANES, i => leaveMidBody(daemon.port, bytes, i % 2 ? 'reset' : 'close'))
    await until(() => daemon.daemon.holds().clients === 0)
    return until(() => daemon.daemon.holds().upstreamConnections === 0 && upstream.open() === 0)
  }
  await abandon(MANY - LANES)
  const took = await undisturbed(() => abandon(LANES), 100)
  t.ok(took <= 200, `the last of them is gone after ${Math.round(took)} ms`)
  t.equal(upstream.seen.length, asked)
  const records = await daemon.logged(asked)
  t.equal(records.filter(({ end }) => end === 'client-gone').length, asked)
})
