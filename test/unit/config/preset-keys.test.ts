import t from 'tap'
import type { Route } from '../../../src/config/config.js'
import { parseConfig } from '../../../src/config/load.js'
import { parseJson } from '../../../src/json/read.js'
import { insertMember } from '../../../src/json/splice.js'
import { classifyAnswer } from '../../../src/policy/classify.js'
import { holds } from '../../../src/policy/json-condition.js'

/** The one route of a configuration that uses a preset. */
function preset(name: string): Route {
  const yaml = `routes: [{ name: r, preset: ${name}, match: { host: a.example } }]`
  const [route] = parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' }).config.routes
  if (route === undefined) throw new Error('no route')
  return route
}

const call = (method: string, name: string) =>
  Buffer.from(
    `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"name":"${name}","arguments":{"n":9007199254740993}}}`,
  )

const classify = (route: Route, status: number, body: object) =>
  classifyAnswer(
    { status, fields: ['Content-Type', 'application/json'], body: Buffer.from(JSON.stringify(body)) },
    route.classify,
  )

t.test('I2: the adcp preset gives a key to calls of tools that change something, and to nothing else', t => {
  const { idempotency, retry } = preset('adcp')
  t.match(idempotency, { inject: 'uuid4', upstream: 'replay', methods: ['POST'], replay: undefined })
  t.match(retry, { non_idempotent: 'keyed' })
  const wanted = (text: Buffer) => idempotency?.when.every(condition => holds(parseJson(text), condition))
  for (const tool of ['create_media_buy', 'update_media_buy', 'buy_products', 'sync_creatives', 'log_event'])
    t.equal(wanted(call('tools/call', tool)), true, tool)
  for (const tool of ['get_products', 'list_creatives', 'get_adcp_capabilities', 'si_terminate_session', 'sync_', ''])
    t.equal(wanted(call('tools/call', tool)), false, tool)
  t.equal(wanted(call('tools/list', 'create_media_buy')), false)
  t.equal(wanted(Buffer.from(`[${call('tools/call', 'create_media_buy').toString()}]`)), false, 'a batch')
  const { carrier } = idempotency ?? {}
  t.equal(
    insertMember(call('tools/call', 'log_event'), carrier?.kind === 'json' ? carrier.pointer : [], '"k"').toString(),
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"log_event","arguments":{"n":9007199254740993,"idempotency_key":"k"}}}',
  )
  t.end()
})

t.test('the adcp preset names each of its 37 tools once', t => {
  const tools = preset('adcp').idempotency?.when.flatMap(({ json, any }) => (json.includes('name') ? any : [])) ?? []
  t.equal(tools.length, 37)
  t.equal(new Set(tools).size, 37)
  t.end()
})

t.test('the adcp preset sees a rate limit inside a 200', t => {
  const adcp_error = { code: 'RATE_LIMITED', retry_after: 5, recovery: 'transient' }
  const body = { jsonrpc: '2.0', id: 1, result: { isError: true, content: [], structuredContent: { adcp_error } } }
  t.strictSame(classify(preset('adcp'), 200, body), { as: 'rate_limited', retryAfter: 5_000, rule: 'adcp' })
  t.end()
})

t.test(
  'the stripe preset gives every POST a key, which repeats after a network failure, and waits for one in use',
  t => {
    const route = preset('stripe')
    t.match(route.idempotency, {
      carrier: { kind: 'header', name: 'Idempotency-Key' },
      inject: 'uuid4',
      upstream: 'replay',
      methods: ['POST'],
      replay: undefined,
    })
    t.match(route.retry, { non_idempotent: 'keyed' })
    const inUse = { error: { code: 'idempotency_key_in_use', type: 'idempotency_error' } }
    t.equal(classify(route, 409, inUse)?.as, 'in_flight')
    t.equal(classify(route, 400, inUse), undefined)
    t.equal(classify(route, 409, { error: { code: 'lock_timeout' } }), undefined)
    t.end()
  },
)

t.test('the openai preset does not wait where nothing is left to pay with, and trusts no key', t => {
  const route = preset('openai')
  t.equal(classify(route, 429, { error: { code: 'insufficient_quota' } })?.as, 'error')
  t.equal(classify(route, 429, { error: { code: 'rate_limit_exceeded' } }), undefined)
  t.equal(route.idempotency, undefined)
  t.match(route.retry, { non_idempotent: 'never' })
  t.end()
})
