import { test } from 'tap'
import {
  bookRoutes,
  FORCE,
  provesNothingDoubled,
  provesNothingLost,
  STORM_LIMIT,
  storm,
} from '../support/kill-storm.js'
import { startMortal } from '../support/mortal-daemon.js'
import { makeHome, mulligan } from '../support/mulligan.js'
import { orderText, startOrderBook } from '../support/order-book.js'

/** How long the upstream takes, in milliseconds: so much of the time a kill finds requests there. */
const TAKES = 30

test(`I12: ${FORCE.kills} times kill -9 lose and double nothing where the upstream knows its keys`, {
  timeout: STORM_LIMIT,
}, async t => {
  const book = await startOrderBook(t, { dedups: true, takes: TAKES })
  const daemon = await startMortal(t, makeHome(t, bookRoutes(book, 'replay')))
  provesNothingLost(t, book, await storm(t, book, [daemon]))
})

test(`I12: ${FORCE.kills} times kill -9 double nothing where it does not, and what is in doubt is listed`, {
  timeout: STORM_LIMIT,
}, async t => {
  const book = await startOrderBook(t, { dedups: false, takes: TAKES })
  const home = makeHome(t, bookRoutes(book, 'none'))
  const daemon = await startMortal(t, home)
  const found = await storm(t, book, [daemon])
  provesNothingDoubled(t, book, found)
  const { client, blocked, inFlight } = found

  const idem = (...words: string[]) => mulligan(['idem', ...words], home.env, '', home.folder)
  const listed = JSON.parse((await idem('list', '--uncertain', '--json')).stdout) as { key: string; ref: string }[]
  const hints = new Set(listed.map(({ key }) => key))
  t.same(
    blocked.filter(key => !hints.has(key.slice(0, 8))),
    [],
    'every one of them is listed',
  )
  t.ok(listed.length <= inFlight, `${listed.length} are listed`)

  const port = daemon.live()?.port ?? 0
  const refOf = (key: string) => listed.find(({ key: hint }) => hint === key.slice(0, 8))?.ref ?? ''
  const [undone, done] = [0, 1].map(count => blocked.find(key => book.made(key) === count))
  if (undone === undefined) t.comment('every kill came after the order was made: none to free')
  else {
    t.match(await idem('resolve', refOf(undone), '--not-executed'), { code: 0 })
    t.equal((await client.send(port, undone)).text, orderText(undone), 'a key that was freed is sent')
    t.equal(book.made(undone), 1)
  }
  if (done === undefined) t.comment('every kill came before the order was made: none to confirm')
  else {
    t.match(await idem('resolve', refOf(done), '--executed'), { code: 0 })
    t.match(await client.send(port, done), { status: 409, text: /"code":"result_unavailable"/ })
    t.equal(book.made(done), 1, 'and never sent again')
  }
})
