import { test } from 'tap'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh'
const resetOnce: Script = (seen, socket) => {
  if (seen.number > 1) return answer(201, '{"id":1}', JSON_TYPE)
  socket.resetAndDestroy()
  return undefined
}

test('I1: a key goes upstream on every attempt, also where `Connection` names its field as hop-by-hop', async t => {
  for (const name of ['X-Order-Key', 'Idempotency-Key']) {
    const { upstream, post } = await keyedScene(t, resetOnce, [`idempotency: { header: ${name}, upstream: replay }`])
    const got = await post('{}', `Connection: ${name.toLowerCase()}`, `${name}: ${KEY}`)
    t.equal(got.status, 201, name)
    t.same(
      upstream.seen.map(seen => seen.header(name)),
      [KEY, KEY],
      name,
    )
  }
})
