import fc from 'fast-check'
import t from 'tap'
import { classifyAnswer, mediaKind } from '../../../src/policy/classify.js'
import type { ClassifyRule } from '../../../src/policy/idempotency-settings.js'
import { holds } from '../../support/property.js'

const JSON_TYPE = ['Content-Type', 'application/json']
const EVENTS = ['content-type', 'text/event-stream; charset=utf-8']

const LIMITED: ClassifyRule = {
  when: { json: ['error', 'code'], any: ['RATE_LIMITED', 429], status: [] },
  as: 'rate_limited',
  retry_after: ['error', 'retry_after'],
}
const QUOTA: ClassifyRule = {
  when: { json: ['error', 'code'], any: ['insufficient_quota'], status: [429] },
  as: 'error',
  retry_after: undefined,
}

const ask = (body: unknown, rules: readonly ClassifyRule[], fields = JSON_TYPE, status = 200) =>
  classifyAnswer({ status, fields, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }, rules)

t.test('a rule finds its value at its place, in answers of its statuses', t => {
  const limited = { as: 'rate_limited', retryAfter: 2_000, rule: '/error/code' }
  t.strictSame(ask({ error: { code: 'RATE_LIMITED', retry_after: 2 } }, [LIMITED]), limited)
  t.strictSame(ask({ error: { code: 429, retry_after: '2.0' } }, [LIMITED]), limited)
  t.equal(ask({ error: { code: '429' } }, [LIMITED]), undefined)
  t.equal(ask({ error: { code: 'OTHER' } }, [LIMITED]), undefined)
  t.equal(ask({ code: 'RATE_LIMITED' }, [LIMITED]), undefined)
  const quota = { error: { code: 'insufficient_quota' } }
  t.strictSame(ask(quota, [QUOTA], JSON_TYPE, 429), { as: 'error', retryAfter: undefined, rule: '/error/code' })
  t.equal(ask(quota, [QUOTA], JSON_TYPE, 403), undefined)
  t.end()
})

t.test('the first rule that applies counts', t => {
  const any: ClassifyRule = { when: { json: ['error'], any: [], status: [] }, as: 'error', retry_after: undefined }
  const body = { error: { code: 'RATE_LIMITED' } }
  t.equal(ask(body, [LIMITED, any])?.as, 'rate_limited')
  t.equal(ask(body, [any, LIMITED])?.as, 'error')
  t.equal(ask(body, [QUOTA, 'json_rpc', LIMITED])?.rule, 'json_rpc')
  t.equal(ask(body, []), undefined)
  t.end()
})

t.test('a wait in a body is in seconds, and no other thing', t => {
  const rows: [unknown, number | undefined][] = [
    [2, 2_000],
    [0, 0],
    ['3', 3_000],
    [0.0015, 2],
    [1e300, 2 ** 52],
    [-1, undefined],
    ['2s', undefined],
    ['', undefined],
    [null, undefined],
    [true, undefined],
    [[2], undefined],
  ]
  for (const [retry_after, wait] of rows)
    t.equal(
      ask({ error: { code: 'RATE_LIMITED', retry_after } }, [LIMITED])?.retryAfter,
      wait === 2 ** 52 ? undefined : wait,
      JSON.stringify(retry_after),
    )
  t.end()
})

t.test('only JSON and event streams are looked at, by their media type', t => {
  const body = '{"error":{"code":"RATE_LIMITED"}}'
  const rows: [string[], boolean][] = [
    [['Content-Type', 'application/json'], true],
    [['CONTENT-TYPE', 'Application/JSON; charset=utf-8'], true],
    [['Content-Type', 'application/problem+json'], true],
    [['Content-Type', 'application/vnd.a.b+json;v=1'], true],
    [['Content-Type', 'text/html'], false],
    [['Content-Type', 'text/plain'], false],
    [['Content-Type', 'application/jsonl'], false],
    [['Content-Type', 'application/octet-stream'], false],
    [[], false],
  ]
  for (const [fields, looked] of rows) {
    t.equal(ask(body, [LIMITED], fields) !== undefined, looked, fields.join(': '))
    t.equal(mediaKind(fields) !== undefined, looked)
  }
  t.equal(mediaKind(EVENTS), 'events')
  t.end()
})

t.test('a body that is no JSON is not classified', t => {
  for (const body of ['', '{', 'RATE_LIMITED', '<html>', '{"error":{"code":"RATE_LIMITED"}', '\0'])
    t.equal(ask(body, [LIMITED, 'adcp', 'json_rpc']), undefined, body)
  t.equal(ask('\uFEFF{"error":{"code":"RATE_LIMITED"}}', [LIMITED])?.as, 'rate_limited', 'clients read past a mark')
  t.end()
})

t.test('in an event stream the first event that a rule knows counts, once it is whole', t => {
  const progress = 'data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'
  const error =
    'event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "error":{"code":-32029,"data":{"retry_after":2}}}\n\n'
  const limited = { as: 'rate_limited', retryAfter: 2_000, rule: 'json_rpc' }
  t.strictSame(ask(error, ['json_rpc'], EVENTS), limited)
  t.strictSame(ask(`id: 1\ndata:\n\n: ping\n\n${progress}${error}`, ['json_rpc'], EVENTS), limited)
  t.equal(ask(error.slice(0, -1), ['json_rpc'], EVENTS), undefined)
  t.equal(ask(`${progress}data: [DONE]\n\n`, ['json_rpc', 'adcp'], EVENTS), undefined)
  t.equal(ask(error, ['json_rpc']), undefined, 'not as plain JSON')
  t.end()
})

t.test('of a JSON-RPC batch with an error nothing is stored, and it is not repeated as a whole', t => {
  const error = { jsonrpc: '2.0', id: 1, error: { code: -32_029 } }
  const fine = { jsonrpc: '2.0', id: 2, result: {} }
  t.equal(ask([error], ['json_rpc'])?.as, 'rate_limited')
  t.strictSame(ask([fine, error], ['json_rpc']), { as: 'error', retryAfter: undefined, rule: 'json_rpc' })
  t.equal(ask([fine, fine], ['json_rpc', 'adcp']), undefined)
  t.equal(ask([], ['json_rpc', 'adcp']), undefined)
  t.end()
})

t.test('no JSON value makes a classifier throw, and a wait is always whole and not negative', t => {
  const names = [
    'error',
    'data',
    'adcp_error',
    'code',
    'result',
    'isError',
    'structuredContent',
    'content',
    'text',
    'artifacts',
    'parts',
    'status',
    'state',
    'message',
    'errors',
    'retry_after',
    'details',
  ]
  const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<unknown>(true, null, -32_029, 'RATE_LIMITED', 'failed', 1.5, -1, '{"adcp_error":{"code":"X"}}'),
      fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 5 }),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }))
  holds(
    t,
    fc.property(tree, value => {
      for (const rule of ['adcp', 'json_rpc', LIMITED] as const) {
        const wait = ask(value, [rule])?.retryAfter
        if (wait !== undefined && !(Number.isSafeInteger(wait) && wait >= 0)) return false
      }
      return true
    }),
    2_000,
  )
  t.end()
})
