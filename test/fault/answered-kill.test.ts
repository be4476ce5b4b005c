import { test } from 'tap'
import { crowd } from '../support/crowd.js'
import { KeyedClient } from '../support/keyed-client.js'
import { bookRoutes, FORCE } from '../support/kill-storm.js'
import { startMortal } from '../support/mortal-daemon.js'
import { makeHome, PATIENT } from '../support/mulligan.js'
import { orderText, startOrderBook } from '../support/order-book.js'

/** Requests that are open at once, and the answers after which the daemon is killed, one more each time. */
const CROWD = 64
const FIRST = 20

test(`I7: whoever had an answer when kill -9 came gets it again, ${FORCE.kills} times`, {
  timeout: 60_000 + FORCE.kills * 30_000,
}, async t => {
  const book = await startOrderBook(t, { dedups: false, takes: 2 })
  const home = makeHome(t, `${PATIENT}${bookRoutes(book, 'none')}`)
  const daemon = await startMortal(t, home)
  const client = new KeyedClient(() => [], book.url)
  t.teardown(() => client.close())
  let repeated = 0
  for (let kill = 0; kill < FORCE.kills; kill++) {
    const answered: string[] = []
    let dies: Promise<number> | undefined
    await crowd(CROWD * 3, CROWD, async n => {
      const port = daemon.live()?.port
      if (port === undefined || dies !== undefined) return
      const key = `k${kill}-${n}-of-a-crowd-of-orders`
      const { status, broken } = await client.send(port, key)
      if (status !== 201 || broken) return
      answered.push(key)
      if (answered.length === FIRST + kill) dies = daemon.die()
    })
    t.ok(await dies, `killed behind ${answered.length} answers`)
    const port = daemon.live()?.port ?? 0
    for (const key of answered) {
      const again = await client.send(port, key)
      const isSame =
        again.status === 201 && again.text === orderText(key) && again.header('idempotent-replayed') === 'true'
      if (!isSame || book.made(key) !== 1) t.fail(`${key}: ${again.status} ${again.text}`)
      repeated++
    }
  }
  t.ok(repeated >= FORCE.kills * FIRST, `${repeated} answers were given again`)
})
