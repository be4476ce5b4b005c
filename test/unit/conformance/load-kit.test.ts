import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageRoot } from '../../../src/config/package-root.js'
import { ConfigError } from '../../../src/config/problems.js'
import { parseKit } from '../../../src/conformance/load-kit.js'

const GOOD = `target: https://api.example.test/v1/
sandbox: true
request:
  path: /orders
  body: { amount: 100, ref: "{{uuid}}" }
id: /id
mutate: { pointer: /amount, value: 200 }
`

/** A line of the good kit, and what stands there instead; or lines below it. */
type Row = readonly [from: string, to: string, problem: string]

const ROWS: readonly Row[] = [
  ['sandbox: true', 'sandbx: true', '2:1: sandbx: unknown key, did you mean "sandbox"?'],
  ['sandbox: true', 'sandbox: maybe', '2:10: sandbox: "maybe" is not allowed; true or false'],
  ['https://api.example.test/v1/', 'ftp://x', '1:9: target: "ftp://x" is not an http or https URL'],
  ['https://api.example.test/v1/', 'https://u:p@x', '1:9: target: holds a user name or a password; use credential'],
  ['https://api.example.test/v1/', 'https://x/?a', '1:9: target: ends at its path; put the query into request.path'],
  ['path: /orders', 'path: orders', '4:9: request.path: is not a path; write it as it is sent, such as /v1/orders'],
  ['path: /orders', 'path: /{{uid}}', '4:9: request.path: "{{uid}}" is not known; {{uuid}}, {{uuid#alias}} or {{key}}'],
  [
    '"{{uuid}}"',
    '["{{uuid}}", "{{id}}"]',
    '5:42: request.body.ref.1: "{{id}}" is not known; {{uuid}}, {{uuid#alias}} or {{key}}',
  ],
  ['id: /id\n', '', '1:1: id: is missing; a JSON pointer such as /error/code is needed'],
  ['id: /id', 'id: order.id', '6:5: id: "order.id" is not a JSON pointer; write /error/code'],
  ['/amount', '/sum', '7:20: mutate.pointer: points at nothing in request.body'],
  ['value: 200', 'value: 100', '7:36: mutate.value: is what the request has anyway; another value is needed'],
  ['', 'invalid: { pointer: /a/b, value: 1 }', '8:21: invalid.pointer: has no place in request.body'],
  [
    '',
    'carrier: Idempotency-Key',
    '8:10: carrier: "Idempotency-Key" is no place of a key; header:Idempotency-Key or json:/idempotency_key',
  ],
  ['', 'carrier: json:/ref/key', '8:10: carrier: has no place in request.body'],
  ['', 'second_credential: { env: B }', '8:20: second_credential: is the second of one; credential is needed'],
  ['', 'fault: { header: "X: 1", path: /x }', '8:8: fault: has header and path; exactly one of header, path is needed'],
  ['', 'fault: { header: X }', '8:18: fault.header: "X" is not a header; write NAME: VALUE'],
  [
    '',
    'profile: strip',
    '8:10: profile: "strip" is not allowed; one of rest, stripe, adcp-mcp, did you mean "stripe"?',
  ],
  ['', 'trip: { max_attempts: 10 }', '8:23: trip.max_attempts: 10 is out of range; 50 to 500'],
  ['', 'trip: { mode: { concurrent: 40 } }', '8:29: trip.mode.concurrent: 40 is out of range; 2 to 20'],
  ['', 'parallel: 1', '8:11: parallel: 1 is out of range; 2 to 10'],
  ['', 'ttl_probe: 5s', '8:12: ttl_probe: is about a ttl; ttl is needed'],
  ['', 'ttl: soon', '8:6: ttl: "soon" is not a duration; write 200ms, 30s, 2m or 1h'],
  ['', 'id: /x', '8:1: the same key twice in one block; keep one of them'],
]

t.test('what is wrong with a kit is said with its place and what is allowed', t => {
  for (const [from, to, problem] of ROWS) {
    const text = from === '' ? `${GOOD}${to}\n` : GOOD.replace(from, to)
    try {
      parseKit('kit.yaml', text)
      t.fail(`no problem: ${to}`)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      t.equal(error.message.split('\n')[0], `kit.yaml:${problem}`)
    }
  }
  t.end()
})

t.test('a secret in the wrong place is not shown with its line', t => {
  const text = `${GOOD}credential: { secret: [sk_live_canary] }\n`
  try {
    parseKit('kit.yaml', text)
    t.fail('no problem')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    t.notMatch(error.report(), 'canary')
    t.match(error.report(), /kit\.yaml:8:\d+: credential\.secret: /)
  }
  t.end()
})

t.test('what a kit leaves out has a default', t => {
  t.match(parseKit('kit.yaml', GOOD), {
    name: 'idempotency',
    target: 'https://api.example.test/v1',
    profile: 'rest',
    carrier: { in: 'header', name: 'Idempotency-Key' },
    request: { method: 'POST', encoding: 'json', headers: {} },
    parallel: 5,
    trip: { most: 200, together: 1 },
    ttl: undefined,
  })
  t.end()
})

t.test('the example and every kit in the documentation is valid', t => {
  const textOf = (name: string) => readFileSync(new URL(name, packageRoot()), 'utf8')
  const blocks = [...textOf('docs/conformance.md').matchAll(/^```yml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  t.ok(blocks.length > 0)
  for (const text of [textOf('examples/conformance-kit.yaml'), ...blocks])
    t.doesNotThrow(() => parseKit('kit.yaml', text))
  t.end()
})
