import t from 'tap'
import { request } from '../support/client.js'
import { median } from '../support/crowd.js'
import { oneRoute, scene } from '../support/scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer } from '../support/upstream.js'

t.test('S7: a Retry-After that cannot be waited for gives the original 429 back at once', async t => {
  const hints: Record<string, string> = {
    'beyond the maximum': 'Retry-After: 3600',
    'beyond the maximum, as a date': `Retry-After: ${new Date(Date.now() + 3_600_000).toUTCString()}`,
    'beyond the deadline, not the maximum': 'Retry-After: 31',
    'longer than any timer can be': 'Retry-After: 99999999999',
    'in milliseconds': 'retry-after-ms: 3600000',
  }
  const spans: number[] = []
  const ask = async (method: string, field: string) => {
    let answeredAt = 0
    const script = () => {
      answeredAt = performance.now()
      return answer(429, '{"error":"quota"}', 'Content-Type: application/json', field)
    }
    const { upstream, daemon, url } = await scene(t, script, oneRoute('timeout: { total: 30s }'))
    const got = await request(daemon.port, url, method === 'POST' ? { method, body: 'x' } : {})
    return { upstream, got, took: performance.now() - answeredAt }
  }
  for (const [name, field] of Object.entries(hints)) {
    for (const method of ['GET', 'POST']) {
      const { upstream, got, took } = await undisturbed(() => ask(method, field))
      t.equal(got.status, 429, name)
      t.equal(got.text, '{"error":"quota"}')
      const [fieldName = '', value] = field.split(/: (.*)/)
      t.equal(got.header(fieldName), value, `${name}: the hint is the client's now`)
      spans.push(took)
      t.equal(upstream.seen.length, 1, `${name}: one hit`)
    }
  }
  t.ok(median(spans) <= 50, `given back ${spans.map(Math.round)} ms after the upstream's answer`)
  t.ok(Math.max(...spans) < 1_000, 'none waited')
})

t.test('R8: a long Retry-After to one request holds back no other', async t => {
  const { daemon, url } = await scene(t, seen =>
    seen.number === 1 ? answer(429, '', 'Retry-After: 3600') : answer(200, 'ok'),
  )
  t.equal((await request(daemon.port, url)).status, 429)
  t.equal((await request(daemon.port, url)).status, 200, 'the next one is asked, not held for an hour')
})
