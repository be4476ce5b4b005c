import t from 'tap'
import { readAdcpError, readRpcError } from '../../../src/policy/adcp-error.js'

const LIMITED = { code: 'RATE_LIMITED', message: 'slow down', retry_after: 5, recovery: 'transient' }
const limited = { as: 'rate_limited', retryAfter: 5_000 }
const plain = { as: 'error', retryAfter: undefined }
const rpc = (result: unknown) => ({ jsonrpc: '2.0', id: 1, result })
const tool = (adcp_error: unknown) => rpc({ isError: true, structuredContent: { adcp_error } })

t.test('an error is found in every place the protocol knows', t => {
  const data = { kind: 'data', data: { adcp_error: LIMITED } }
  const text = { type: 'text', text: JSON.stringify({ adcp_error: LIMITED }) }
  const rows: [string, unknown][] = [
    ['MCP', tool(LIMITED)],
    ['MCP without its envelope', { isError: true, structuredContent: { adcp_error: LIMITED } }],
    ['MCP that forgot isError', rpc({ structuredContent: { adcp_error: LIMITED } })],
    ['A2A artifact', rpc({ status: { state: 'failed' }, artifacts: [{ parts: [{ kind: 'text', text: 'x' }, data] }] })],
    ['A2A second artifact', rpc({ artifacts: [{ parts: [] }, {}, { parts: [data] }] })],
    ['A2A status message', rpc({ status: { state: 'failed', message: { parts: [data] } } })],
    ['A2A artifact update', rpc({ kind: 'artifact-update', artifact: { parts: [data] } })],
    ['A2A message', rpc({ kind: 'message', parts: [data] })],
    ['JSON-RPC error data', { jsonrpc: '2.0', id: 1, error: { code: -32_029, data: { adcp_error: LIMITED } } }],
    ['REST', { adcp_error: LIMITED }],
    ['text of an older server', rpc({ isError: true, content: [text, { type: 'text', text: 'slow down' }] })],
    ['text behind prose', rpc({ isError: true, content: [{ type: 'text', text: 'slow {' }, text] })],
    ['errors of a payload', rpc({ isError: true, structuredContent: { errors: [LIMITED] } })],
    ['errors of a failed payload', rpc({ structuredContent: { status: 'failed', errors: [LIMITED] } })],
    ['errors without a status', rpc({ structuredContent: { errors: [LIMITED] } })],
    ['errors of the envelope', { status: 'failed', payload: { errors: [LIMITED] } }],
    ['errors of REST', { errors: [LIMITED, { code: 'OTHER' }] }],
    [
      'errors of a failed A2A task',
      rpc({ status: { state: 'failed' }, artifacts: [{ parts: [{ data: { errors: [LIMITED] } }] }] }),
    ],
  ]
  for (const [name, message] of rows) t.strictSame(readAdcpError(message), limited, name)
  t.end()
})

t.test('the first place in the order counts', t => {
  const other = { code: 'BUDGET_TOO_LOW', recovery: 'correctable' }
  const message = {
    result: {
      isError: true,
      structuredContent: { adcp_error: LIMITED, errors: [other] },
      artifacts: [{ parts: [{ data: { adcp_error: other } }] }],
    },
    error: { data: { adcp_error: other } },
  }
  t.strictSame(readAdcpError(message), limited)
  const broken = { code: 7 }
  t.strictSame(
    readAdcpError({ ...tool(broken), error: { data: { adcp_error: LIMITED } } }),
    limited,
    'no code, no error',
  )
  t.end()
})

t.test('a success, and a task that goes on, is no error, whatever it warns of', t => {
  for (const message of [
    rpc({ content: [{ type: 'text', text: 'ok' }], structuredContent: { media_buy_id: 'mb_1' } }),
    rpc({ isError: false, content: [{ type: 'text', text: JSON.stringify({ adcp_error: LIMITED }) }] }),
    rpc({ structuredContent: { status: 'completed', errors: [LIMITED] } }),
    rpc({ structuredContent: { status: 'submitted', task_id: 't' } }),
    rpc({ structuredContent: { status: 'input-required', errors: [{ code: 'HINT' }] } }),
    rpc({ kind: 'task', status: { state: 'working' } }),
    rpc({ status: { state: 'completed' }, artifacts: [{ parts: [{ data: { errors: [{ code: 'NOTE' }] } }] }] }),
    rpc({ structuredContent: { errors: [] } }),
    rpc({ structuredContent: { errors: [{ message: 'no code' }] } }),
    rpc({ structuredContent: { adcp_error: 'text' } }),
    rpc({ structuredContent: { adcp_error: { code: '' } } }),
    rpc(null),
    { jsonrpc: '2.0', id: 1, result: {}, error: null },
    { jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } },
    { status: 'completed', media_buy_id: 'mb_1' },
    [],
    null,
    'RATE_LIMITED',
    7,
  ])
    t.equal(readAdcpError(message), undefined, JSON.stringify(message).slice(0, 80))
  t.end()
})

t.test('what failed without a code is still an error', t => {
  for (const message of [
    rpc({ isError: true, content: [{ type: 'text', text: 'boom' }] }),
    rpc({ isError: true, structuredContent: { adcp_error: { code: 'x'.repeat(65) } } }),
    rpc({ status: { state: 'failed' } }),
    rpc({ status: { state: 'rejected' } }),
    rpc({ status: { state: 'canceled' } }),
    rpc({ structuredContent: { status: 'failed' } }),
    { status: 'failed' },
    { jsonrpc: '2.0', id: 1, error: { code: -32_602, message: 'bad' } },
    { jsonrpc: '2.0', id: 1, error: { code: -32_028, message: 'no credentials' } },
  ])
    t.strictSame(readAdcpError(message), plain, JSON.stringify(message).slice(0, 80))
  t.end()
})

t.test('the code decides, unless recovery says that waiting does not help', t => {
  const rows: [object, string][] = [
    [{ code: 'RATE_LIMITED' }, 'rate_limited'],
    [{ code: 'RATE_LIMITED', recovery: 'terminal' }, 'error'],
    [{ code: 'RATE_LIMITED', recovery: 'something-new' }, 'error'],
    [{ code: 'SERVICE_UNAVAILABLE', recovery: 'transient' }, 'unavailable'],
    [{ code: 'SERVICE_UNAVAILABLE' }, 'unavailable'],
    [{ code: 'SERVICE_UNAVAILABLE', recovery: 'terminal' }, 'error'],
    [{ code: 'IDEMPOTENCY_IN_FLIGHT' }, 'in_flight'],
    [{ code: 'IDEMPOTENCY_IN_FLIGHT', recovery: 'correctable' }, 'in_flight'],
    [{ code: 'IDEMPOTENCY_CONFLICT' }, 'error'],
    [{ code: 'ACCOUNT_PAYMENT_REQUIRED', recovery: 'terminal' }, 'error'],
    [{ code: 'constructor' }, 'error'],
    [{ code: 'rate_limited' }, 'error'],
  ]
  for (const [error, as] of rows) t.equal(readAdcpError(tool(error))?.as, as, JSON.stringify(error))
  t.end()
})

t.test('retry_after is rounded up, then kept from 1 to 3600 s; what is no number is none', t => {
  const rows: [unknown, number | undefined][] = [
    [5, 5_000],
    [1.2, 2_000],
    [0.01, 1_000],
    [0, 1_000],
    [-3, 1_000],
    [3_600.5, 3_600_000],
    [1e12, 3_600_000],
    ['5', undefined],
    [null, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [undefined, undefined],
  ]
  for (const [retry_after, wait] of rows) {
    t.equal(readAdcpError(tool({ code: 'RATE_LIMITED', retry_after }))?.retryAfter, wait, String(retry_after))
    t.equal(readAdcpError(tool({ code: 'RATE_LIMITED', details: { retry_after } }))?.retryAfter, wait, 'in details')
  }
  t.equal(readAdcpError(tool({ code: 'RATE_LIMITED', retry_after: 2, details: { retry_after: 9 } }))?.retryAfter, 2_000)
  t.end()
})

t.test('JSON-RPC 2.0 §5.1: an error member is an error, -32029 a rate limit; AdCP adds -32027', t => {
  const error = (code: unknown, data?: unknown) => ({ jsonrpc: '2.0', id: null, error: { code, message: 'm', data } })
  t.strictSame(readRpcError(error(-32_029)), { as: 'rate_limited', retryAfter: undefined })
  t.strictSame(readRpcError(error(-32_029, { retry_after: 3 })), { as: 'rate_limited', retryAfter: 3_000 })
  t.strictSame(readRpcError(error(-32_029, { adcp_error: { retry_after: 4 } }))?.retryAfter, 4_000)
  t.strictSame(readRpcError(error(-32_027)), plain)
  t.strictSame(readRpcError(error('-32029')), plain)
  t.strictSame(readRpcError({ error: 'text' }), plain)
  t.equal(readRpcError({ result: { error: {} } }), undefined)
  t.equal(readRpcError({ error: null, result: 1 }), undefined)
  t.strictSame(readAdcpError(error(-32_029)), { as: 'rate_limited', retryAfter: undefined })
  t.strictSame(readAdcpError(error(-32_027, { retry_after: 2 })), { as: 'unavailable', retryAfter: 2_000 })
  t.end()
})
