import { test } from 'tap'
import { request } from '../support/client.js'
import { startCrew } from '../support/live-crew.js'
import { answer, startUpstream } from '../support/upstream.js'

test('R11: the repeat of a request whose worker died has its key, also at a worker that came later', async t => {
  const upstream = await startUpstream(() => answer(500, 'no'))
  t.teardown(() => upstream.close())
  const crew = await startCrew(
    t,
    `
workers: 2
routes: [{ name: api, match: { host: 127.0.0.1 }, retry: off, breaker: off, idempotency: { inject: uuid4, upstream: replay } }]
`,
  )
  const post = (count: number) =>
    request(crew.port, `${upstream.url}/orders`, {
      method: 'POST',
      body: '{"n":1}',
      fields: ['Content-Type: application/json', `x-stainless-retry-count: ${count}`],
    })
  await post(0)
  // One after the other: with the last one, a port that was any port would go.
  for (const pid of crew.workers()) {
    process.kill(pid, 'SIGKILL')
    await crew.next(({ msg }) => msg === 'worker replaced')
  }
  await post(1)
  const [first, second] = upstream.seen.map(seen => seen.header('idempotency-key'))
  t.match(first, /^[0-9a-f-]{36}$/)
  t.equal(second, first)
})
