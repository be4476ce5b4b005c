import { type Test, test } from 'tap'
import type { Answer } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

const COUNT = 1_000
const MCP_LIMIT = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: { isError: true, structuredContent: { adcp_error: { code: 'RATE_LIMITED', retry_after: 1 } } },
})
const RPC_LIMIT = '{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"slow down","data":{"retry_after":1}}}'

/** In which words an upstream says that it is too much. */
const LIMITS: Readonly<Record<string, string>> = {
  'a 429': answer(429, '{"error":"slow down"}', JSON_TYPE, 'Retry-After: 1'),
  'an error of AdCP within a 200': answer(200, MCP_LIMIT, JSON_TYPE),
  'an error of JSON-RPC within a 200': answer(200, RPC_LIMIT, JSON_TYPE),
}

/** Limits each key once, then does what it asks for. */
function limiting(limit: string): Script {
  const limited = new Set<string>()
  return seen => {
    const key = seen.header('idempotency-key') ?? ''
    if (limited.has(key)) return answer(201, `{"done":"${key}"}`, JSON_TYPE)
    limited.add(key)
    return limit
  }
}

const done = (got: Answer, key: string): boolean => got.status === 201 && got.text === `{"done":"${key}"}`

async function trips(t: Test, limit: string, upstream: string) {
  const lines = [
    'breaker: off',
    'retry: off',
    'cooldown: off',
    'classify: [adcp, json_rpc]',
    `idempotency: { upstream: ${upstream}, replay: { ${NO_CEILING} } }`,
  ]
  const { reusing, upstream: seen } = await keyedScene(t, limiting(limit), lines)
  const rounds = await crowd(COUNT, 50, async i => {
    const key = `seed-003-${i}-abcdefgh`
    const first = await reusing(key)
    const second = await reusing(key)
    const third = await reusing(key)
    return (
      !done(first, key) &&
      done(second, key) &&
      second.header('idempotent-replayed') === undefined &&
      done(third, key) &&
      third.header('idempotent-replayed') === 'true'
    )
  })
  t.equal(rounds.filter(Boolean).length, COUNT)
  t.equal(seen.seen.length, 2 * COUNT)
}

for (const [name, limit] of Object.entries(LIMITS)) {
  const upstream = name === 'a 429' ? 'replay' : 'none'
  test(`I8: after ${name}, ${COUNT} of ${COUNT} keys get their real answer, then its replay (upstream: ${upstream})`, t =>
    trips(t, limit, upstream))
}

test('I8: a crowd that shares one key shares its refusal too, and then the real answer', async t => {
  let limited = true
  const { keyed, upstream } = await keyedScene(
    t,
    () => (limited ? (LIMITS['a 429'] as string) : answer(201, '{"done":1}', JSON_TYPE)),
    ['retry: off', 'cooldown: off', 'idempotency: { replay: {} }'],
  )
  const first = await crowd(50, 50, () => keyed('order-1-abcdefgh'))
  t.same(new Set(first.map(({ status }) => status)), new Set([429]))
  t.ok(first.every(({ header }) => header('idempotent-replayed') === undefined && header('retry-after') === '1'))
  limited = false
  const before = upstream.seen.length
  const second = await crowd(50, 50, () => keyed('order-1-abcdefgh'))
  t.same(new Set(second.map(({ status, text }) => `${status} ${text}`)), new Set(['201 {"done":1}']))
  t.equal(upstream.seen.length, before + 1)
})
