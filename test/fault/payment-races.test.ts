import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { requestBytes } from '../support/client.js'
import { crowd, until } from '../support/crowd.js'
import { answer, startUpstream } from '../support/upstream.js'
import { countBy } from '../support/x402/faulty-purchases.js'
import { payingDaemon } from '../support/x402/paid-scene.js'
import { isPaid, REFUSAL } from '../support/x402/scripted-seller.js'

const receipt = (success: boolean, reason?: string): string => {
  const said = {
    success,
    transaction: success ? `0x${'ab'.repeat(32)}` : '',
    network: 'eip155:84532',
    errorReason: reason,
  }
  return `PAYMENT-RESPONSE: ${Buffer.from(JSON.stringify(said)).toString('base64')}`
}

const PAID = answer(200, 'page', receipt(true))

const statuses = (answers: readonly { readonly status: number }[]) => countBy(answers, ({ status }) => String(status))

test('P5: of equal requests at once sixteen are paid side by side, and then the next, until all are', async t => {
  const pages: (() => void)[] = []
  const seller = await startUpstream((seen, socket) => {
    if (!isPaid(seen)) return REFUSAL
    pages.push(() => socket.write(PAID))
    if (pages.length === 16) for (const give of pages.splice(0)) give()
    return undefined
  })
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port)
  const answers = await crowd(192, 192, () => ask('/paid'))
  t.same(statuses(answers), { 200: 192 })
  t.same(
    countBy(words(), word => word),
    { paid: 192, settled: 192 },
  )
})

test('P5: with one idempotency key everybody waits for a turn, however many are before', async t => {
  const waiting: (() => void)[] = []
  const seller = await startUpstream((seen, socket) => {
    if (!isPaid(seen)) return REFUSAL
    waiting.push(() => socket.write(PAID))
    return undefined
  })
  t.teardown(() => seller.close())
  const { ask } = await payingDaemon(t, seller.port)
  let over = false
  const all = crowd(24, 24, () => ask('/paid', { fields: ['Idempotency-Key: order-1'] })).finally(() => {
    over = true
  })
  while (!over) {
    await until(() => over || waiting.length > 0)
    t.ok(waiting.length <= 1, 'never two at once')
    waiting.shift()?.()
  }
  t.same(statuses(await all), { 200: 24 })
})

test('P8: an answer that is too long to be kept for a client that left was not delivered', async t => {
  const presented: (string | undefined)[] = []
  const pages: (() => void)[] = []
  const long = answer(200, 'x'.repeat(2_000_000), receipt(true))
  const seller = await startUpstream((seen, socket) => {
    if (!isPaid(seen)) return REFUSAL
    presented.push(seen.header('payment-signature'))
    pages.push(() => socket.write(long))
    return undefined
  })
  t.teardown(() => seller.close())
  const { daemon, urlOf, ask, words } = await payingDaemon(t, seller.port)
  const socket = connect(daemon.port, '127.0.0.1')
  socket.write(requestBytes(urlOf('/paid')))
  await until(() => pages.length > 0)
  socket.destroy()
  pages.shift()?.()
  await until(() => words().length > 1)
  const retried = ask('/paid')
  await until(() => pages.length > 0)
  pages.shift()?.()
  t.equal((await retried).status, 200)
  t.equal(new Set(presented).size, 1, 'the retry presents the same bytes')
})

test('P7: "already used" is heard in a compressed body too', async t => {
  let count = 0
  const body = gzipSync(JSON.stringify({ x402Version: 1, error: 'invalid_exact_evm_nonce_already_used', accepts: [] }))
  const used = Buffer.concat([
    Buffer.from(`HTTP/1.1 402 Payment Required\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ])
  const seller = await startUpstream((seen, socket) => {
    if (!isPaid(seen)) return REFUSAL
    if (++count > 1) return used
    socket.destroy()
    return undefined
  })
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port)
  t.equal((await ask('/paid')).status, 402)
  t.same(words(), ['paid', 'settled_undelivered'])
})

test('L10: a 402 of a megabyte that is not paid is the client’s, and leaves nothing hanging at its connection', async t => {
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  t.teardown(() => process.removeListener('warning', hear))
  const page = 'x'.repeat(1_048_576)
  const [, terms = ''] = /(PAYMENT-REQUIRED: \S+)/.exec(REFUSAL) ?? []
  const seller = await startUpstream(() => answer(402, page, terms))
  t.teardown(() => seller.close())
  const { ask, words } = await payingDaemon(t, seller.port, 'plain', {
    limits: '{ per_request: "0.05 USDC", total: "0.001 USDC" }',
  })
  t.ok((await ask('/paid')).text === page)
  t.same(words(), ['total'])
  t.same(warnings, [])
})
