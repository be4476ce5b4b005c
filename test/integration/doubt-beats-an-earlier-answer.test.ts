import t from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

const LIMITED = answer(429, 'slow down', 'Retry-After: 0')

t.test(
  'R1: a POST that was refused, sent again and then reset is answered 502 unknown, not the earlier 429',
  async t => {
    const upstream = await startUpstream((seen, socket) => {
      if (seen.number === 1) return LIMITED
      socket.resetAndDestroy()
      return undefined
    })
    const daemon = await startTestDaemon()
    t.teardown(() => Promise.all([upstream.close(), daemon.close()]))
    const reply = await request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body: 'x' })
    t.equal(reply.status, 502)
    t.match(reply.text, '"outcome":"unknown"')
    t.equal(upstream.seen.length, 2)
  },
)

t.test('R1: so is one that never got an answer the second time', async t => {
  const reply = await undisturbed(async () => {
    const upstream = await startUpstream(seen => (seen.number === 1 ? LIMITED : undefined))
    const limits = 'timeout: { total: 400ms, per_try: 400ms }'
    const daemon = await startTestDaemon(`routes: [{ name: all, match: { host: "*" }, ${limits} }]`)
    t.teardown(() => Promise.all([upstream.close(), daemon.close()]))
    return request(daemon.port, `${upstream.url}/orders`, { method: 'POST', body: 'x' })
  })
  t.equal(reply.status, 504)
  t.match(reply.text, '"outcome":"unknown"')
})

t.test('R10: a GET gets the earlier answer: it was asked for nothing that could happen twice', async t => {
  const upstream = await startUpstream((seen, socket) => {
    if (seen.number === 1) return answer(503, 'busy')
    socket.resetAndDestroy()
    return undefined
  })
  const daemon = await startTestDaemon()
  t.teardown(() => Promise.all([upstream.close(), daemon.close()]))
  const reply = await request(daemon.port, `${upstream.url}/items`)
  t.equal(reply.status, 503)
  t.equal(reply.text, 'busy')
})
