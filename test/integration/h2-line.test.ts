import t from 'tap'
import { CODE, data, type Frame, type FramePeer, headers, reset, startFrameServer, TYPE } from '../support/h2-frames.js'
import { begin, dialled, GET, listener, lonelyUpstream } from '../support/h2-line.js'
import { reply, startH2Upstream } from '../support/h2-upstream.js'
import { certificate } from '../support/next-hop.js'

t.test('a head leaves together with the body that came with it', async t => {
  const server = await startH2Upstream(t, stream => reply(stream, 'x'))
  const user = listener()
  begin(await dialled(lonelyUpstream(t, server.port)), user)
  await user.until('end')
  t.same(user.events, ['head 200', 'data 1', 'end'])
})

t.test('a head without a body does not wait for one', async t => {
  const server = await startH2Upstream(t, stream => {
    stream.respond({ ':status': 200 })
    stream.once('wantTrailers', () => undefined)
  })
  const user = listener()
  begin(await dialled(lonelyUpstream(t, server.port)), user)
  await user.until('read end')
  t.same(user.events, ['head 200', 'read end'])
})

t.test('a complete answer outlives its connection while its user pauses', async t => {
  const server = await startH2Upstream(t, stream => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ sum: '1' }))
    const { session } = stream
    stream.on('close', () => session?.destroy())
    stream.end(Buffer.alloc(524_288, 'a'))
  })
  const upstream = lonelyUpstream(t, server.port)
  const line = await dialled(upstream)
  const user = listener(() => (line as { pause: () => void }).pause())
  const stream = begin(line, user)
  while (upstream.open > 0) await new Promise(resolve => setTimeout(resolve, 1))
  t.same(user.events, ['head 200', 'read end'])
  stream.resume()
  await user.until('end')
  t.equal(user.body().length, 524_288)
  t.equal(user.events.at(-1), 'end sum 1')
})

t.test('an incomplete one does not: a broken transfer looks broken', async t => {
  for (const code of [CODE.none, CODE.cancel, CODE.internal]) {
    const answer = Buffer.concat([headers(1, [[':status', '200']]), data(1, 'abc'), reset(1, code)])
    const onFrame = ({ type }: Frame, peer: FramePeer) => void (type === TYPE.headers && peer.send(answer))
    const server = await startFrameServer(t, { onFrame }, certificate)
    const user = listener()
    begin(await dialled(lonelyUpstream(t, server.port)), user)
    t.match(await user.until('fault'), /^fault answered connection_terminated h2 stream closed: /, `code ${code}`)
    t.equal(user.events.includes('end'), false)
  }
})

t.test('who has let go hears nothing any more, and its siblings go on', async t => {
  const server = await startH2Upstream(t, (stream, { path }) => {
    stream.respond({ ':status': 200 })
    stream.write(path)
  })
  const upstream = lonelyUpstream(t, server.port)
  const [gone, stays] = [listener(), listener()]
  const line = begin(await dialled(upstream), gone, { ...GET, path: '/gone' })
  await gone.until('data')
  const sibling = upstream.take({ fresh: false, trusted: false, upgrade: undefined })
  if (sibling !== undefined) begin(sibling, stays, { ...GET, path: '/stays' })
  await stays.until('data')
  const told = [...gone.events]
  line.destroy()
  const [first, second] = server.seen.map(({ stream }) => stream)
  await new Promise(resolve => first?.once('close', resolve))
  t.equal(first?.rstCode, 8, 'CANCEL')
  second?.end('more')
  await stays.until('end')
  t.same(gone.events, told)
  t.equal(server.connections(), 1)
})
