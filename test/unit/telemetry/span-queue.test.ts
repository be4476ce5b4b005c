import { test } from 'tap'
import { SpanQueue } from '../../../src/telemetry/span-queue.js'
import { attemptRecord, exchangeRecord } from '../../support/records.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

test('what waits for a collector that is away holds no fields of clients and upstreams, secret or long as they may be', t => {
  const queue = new SpanQueue(1, () => 0)
  const attempts = [attemptRecord({ refused: ['Retry-After', '1'] }), attemptRecord({ n: 2 })]
  const fields = ['Authorization', 'Bearer s', 'traceparent', `00-${TRACE}-00f067aa0ba902b7-01`]
  queue.add(exchangeRecord({ fields, attempts }))
  const [waiting] = queue.take(3)
  t.equal(waiting?.parent?.traceId, TRACE, 'its parent was read')
  t.strictSame(waiting?.record.fields, [])
  t.strictSame(
    waiting?.record.attempts.map(({ n, refused }) => [n, refused]),
    [
      [1, undefined],
      [2, undefined],
    ],
  )
  t.equal(attempts[0]?.refused?.length, 2, 'others still have them')
  t.end()
})
