import { parseList } from 'structured-headers'
import { test } from 'tap'
import { proxyStatus } from '../../../src/http/proxy-status.js'

test('Proxy-Status says what was done in RFC 9209 words', t => {
  const details = 'attempts=3; waited=2.1s; reason=retry-after'
  t.equal(proxyStatus({}), 'mulligan')
  t.equal(proxyStatus({ error: 'dns_error' }), 'mulligan; error=dns_error')
  t.equal(proxyStatus({ receivedStatus: 503, details }), `mulligan; received-status=503; details="${details}"`)
  t.end()
})

test('any text for people survives as a structured field', t => {
  const value = proxyStatus({ error: 'dns_error', receivedStatus: 503, details: 'say "no" \\ h\xe9 \u2713\r\nX: y' })
  const [item] = parseList(value)
  t.equal(String(item?.[0]), 'mulligan')
  t.equal(item?.[1].get('details'), 'say "no" \\ h? ???X: y')
  t.equal(item?.[1].get('received-status'), 503)
  t.end()
})
