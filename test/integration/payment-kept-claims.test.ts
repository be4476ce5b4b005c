import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { requestBytes } from '../support/client.js'
import { until } from '../support/crowd.js'
import type { Response } from '../support/x402/express-app.js'
import { paidScene } from '../support/x402/paid-scene.js'
import { PRICE } from '../support/x402/shop.js'

test('I6, P8: a key whose request gets what was bought before is done, and replays it', async t => {
  const pages: (() => void)[] = []
  const page = (_: unknown, response: Response, { number }: { number: number }) => {
    pages.push(() => response.json({ run: number }))
  }
  const route = ['idempotency: { header: X-Order-Key, replay: {} }']
  const { daemon, shop, ask, urlOf, words } = await paidScene(t, 'plain', { route, shop: { page } })
  const order = { method: 'POST', body: 'order' }
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(requestBytes(urlOf('/paid'), order))
  await until(() => pages.length > 0)
  socket.destroy()
  await once(socket, 'close')
  pages.shift()?.()
  await until(() => words().includes('settled'))

  const keyed = { ...order, fields: ['X-Order-Key: order-1-abcdefgh'] }
  t.same(JSON.parse((await ask('/paid', keyed)).text), { run: 1 }, 'the answer that was paid for')
  const before = shop.server.requests()
  const again = await ask('/paid', keyed)
  t.same(JSON.parse(again.text), { run: 1 })
  t.equal(again.header('idempotent-replayed'), 'true')
  t.equal(shop.server.requests(), before)
  t.same(await shop.moved(), { paid: PRICE, earned: PRICE, payments: 1 })
})
