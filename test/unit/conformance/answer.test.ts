import t from 'tap'
import { describeAnswer, readAnswer } from '../../../src/conformance/answer.js'
import type { Reply } from '../../../src/conformance/client.js'
import type { ProfileName } from '../../../src/conformance/kit.js'
import { parseKit } from '../../../src/conformance/load-kit.js'

const kitOf = (profile: ProfileName, more = '') =>
  parseKit(
    'kit.yaml',
    `target: http://x\nprofile: ${profile}\nrequest: { path: /x, body: { a: 1 } }\nid: /id\nmutate: { pointer: /a, value: 2 }\n${more}`,
  )

const NOW = Date.UTC(2026, 0, 1)

function read(profile: ProfileName, status: number, body: unknown, fields: Record<string, string> = {}, more = '') {
  const reply: Reply = {
    status,
    header: name => fields[name],
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    startedAt: 0,
    sentAt: 0,
    answeredAt: 0,
  }
  return readAnswer(reply, kitOf(profile, more), NOW)
}

const adcp = (code: string, more: object = {}) => ({
  result: { isError: true, structuredContent: { adcp_error: { code, ...more } } },
})

t.test('an answer is what it says, and not only what its status says', t => {
  const rows: [ReturnType<typeof read>, string][] = [
    [read('rest', 201, { id: 'a' }), 'success'],
    [read('rest', 201, { id: 'a', code: 'EUR', type: 'rate_limit', error: null }), 'success'],
    [read('rest', 200, { error: { code: 'rate_limited' } }, {}, 'error_code: /error/code\n'), 'limited'],
    [read('rest', 429, ''), 'limited'],
    [read('rest', 409, {}), 'conflict'],
    [read('rest', 409, {}, { 'retry-after': '1' }), 'in_flight'],
    [read('rest', 422, {}), 'conflict'],
    [read('rest', 400, { error: { code: 'idempotency_mismatch' } }), 'conflict'],
    [read('rest', 401, {}), 'unauthorized'],
    [read('rest', 404, '<html>'), 'refused'],
    [read('rest', 503, {}), 'broken'],
    [read('stripe', 400, { error: { type: 'idempotency_error' } }), 'conflict'],
    [read('stripe', 409, { error: { code: 'idempotency_key_in_use' } }), 'in_flight'],
    [read('adcp-mcp', 200, { result: { structuredContent: { id: 'a' } } }), 'success'],
    [read('adcp-mcp', 200, adcp('RATE_LIMITED')), 'limited'],
    [read('adcp-mcp', 200, adcp('IDEMPOTENCY_CONFLICT')), 'conflict'],
    [read('adcp-mcp', 200, adcp('IDEMPOTENCY_IN_FLIGHT')), 'in_flight'],
    [read('adcp-mcp', 200, adcp('SERVICE_UNAVAILABLE')), 'broken'],
    [read('adcp-mcp', 200, adcp('AUTH_REQUIRED')), 'unauthorized'],
    [read('adcp-mcp', 200, adcp('VALIDATION_ERROR')), 'refused'],
    [read('adcp-mcp', 200, { error: { code: -32029, message: 'slow' } }), 'limited'],
    [read('adcp-mcp', 200, { error: { code: -32000, data: { adcp_error: { code: 'RATE_LIMITED' } } } }), 'limited'],
    [
      read('adcp-mcp', 200, {
        result: { isError: true, content: [{ text: '{"adcp_error":{"code":"RATE_LIMITED"}}' }] },
      }),
      'limited',
    ],
    [read('adcp-mcp', 200, { result: { isError: true, content: [{ text: 'it broke' }] } }), 'refused'],
    [
      read('adcp-mcp', 200, `event: message\ndata: ${JSON.stringify(adcp('RATE_LIMITED'))}\n\n`, {
        'content-type': 'text/event-stream',
      }),
      'limited',
    ],
  ]
  for (const [answer, outcome] of rows) t.equal(answer.outcome, outcome, answer.text)
  t.end()
})

t.test('a wait is whole seconds, rounded up, from the field or the body; nothing and zero are none', t => {
  const rows: [ReturnType<typeof read>, number | undefined][] = [
    [read('rest', 429, '', { 'retry-after': '3' }), 3_000],
    [read('rest', 429, '', { 'retry-after': '0.2' }), 1_000],
    [read('rest', 429, '', { 'retry-after': new Date(NOW + 2_000).toUTCString() }), 2_000],
    [read('rest', 429, '', { 'retry-after': '0' }), undefined],
    [read('rest', 429, '', { 'retry-after': 'soon' }), undefined],
    [read('rest', 429, ''), undefined],
    [read('rest', 429, { retry_after: 1.2 }), 2_000],
    [read('rest', 429, { wait: 4 }, { 'retry-after': '9' }, 'retry_after: /wait\n'), 4_000],
    [read('adcp-mcp', 200, adcp('RATE_LIMITED', { retry_after: 7 })), 7_000],
    [read('adcp-mcp', 200, adcp('RATE_LIMITED', { details: { retry_after: 8 } })), 8_000],
    [read('adcp-mcp', 200, adcp('RATE_LIMITED', { retry_after: 'Infinity' })), undefined],
  ]
  for (const [answer, wait] of rows) t.equal(answer.retryAfter, wait, answer.text)
  t.end()
})

t.test('ids that only differ beyond the precision of a double are two ids', t => {
  const a = read('rest', 201, '{"id": 12345678901234567890}')
  const b = read('rest', 201, '{"id": 12345678901234567891}')
  t.equal(a.id, '12345678901234567890')
  t.not(a.id, b.id)
  t.equal(read('rest', 201, { id: 7 }).id, '7')
  t.equal(read('rest', 201, { id: '' }).id, undefined)
  t.end()
})

t.test('what is shown of an answer holds no key that the target quotes', t => {
  const key = '3f0c6f1e-5a77-4b0e-9d39-0d5c2f6e1a11'
  const rows: [unknown, string][] = [
    [{ error: { code: 'key_reused' } }, '422 key_reused'],
    [{ type: 'https://api.test/errors/reused' }, '422 https://api.test/errors/reused'],
    [{ error: `the key ${key} was used` }, '422'],
    [{ error: { code: `reused:${key}` } }, '422 reused:…'],
    [{ error: { code: '\u001b[2J' } }, '422'],
    ['not JSON', '422'],
  ]
  for (const [body, shown] of rows) t.equal(describeAnswer(read('rest', 422, body)), shown)
  t.end()
})
