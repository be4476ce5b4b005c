import t from 'tap'
import { commandLine } from '../../support/command-line.js'

const routes = (...blocks: string[]) =>
  `routes:\n${blocks.map((block, i) => `  - { name: r${i}, match: { host: h${i}.test }, ${block} }\n`).join('')}`

t.test('I3: explain tells which key a request goes out with, and what it unlocks', async t => {
  const yaml = routes(
    'idempotency: { inject: uuid4, upstream: replay, replay: {} }',
    'idempotency: { inject: hmac, from: [{ header: X-Order }, { json: /order_id }], upstream: resume }',
    'idempotency: { json: /idempotency_key, when: [{ json: /method, equals: tools/call }], inject: uuid7, upstream: reject }',
    'idempotency: { header: X-Key, upstream: replay }, retry: { non_idempotent: never }',
    'idempotency: { inject: uuid4 }',
    'idempotency: { inject: uuid4, upstream: replay }, retry: off',
    'retry: {}',
  )
  const dir = t.testdir({ 'mulligan.yaml': yaml })
  const broken = 'unlocks a repeat after a broken connection, not after a 5xx'
  const rows: [line: string, key: string | undefined][] = [
    ['POST http://h0.test/', `a uuid4, in Idempotency-Key; ${broken}`],
    [
      'POST http://h0.test/ -H Idempotency-Key:k',
      `the client's own, in Idempotency-Key; ${broken}; its answer is kept for 1d`,
    ],
    [
      'POST http://h0.test/ -H idempotency-key:a -H idempotency-key:b',
      'not usable (repeated): Idempotency-Key goes as it is, and idempotency does not act',
    ],
    ['GET http://h0.test/', 'none; idempotency is for POST, PATCH'],
    [
      'POST http://h1.test/ -H x-order:7',
      'an hmac of X-Order or /order_id (without it a uuid4), in Idempotency-Key; unlocks a repeat after a broken connection or a 5xx',
    ],
    [
      'POST http://h2.test/',
      `where the body meets the conditions: the client's own, or a uuid7, in /idempotency_key of the body; ${broken}`,
    ],
    ['POST http://h3.test/', 'none: the request has no X-Key, and inject is off'],
    ['POST http://h3.test/ -H x-key:1', "the client's own, in X-Key; unlocks nothing: retry.non_idempotent is never"],
    ['POST http://h4.test/', 'a uuid4, in Idempotency-Key; unlocks nothing: idempotency.upstream is none'],
    ['POST http://h5.test/', 'a uuid4, in Idempotency-Key; unlocks nothing: retry is off'],
    ['POST http://h6.test/', undefined],
  ]
  for (const [line, key] of rows) {
    const { code, out } = await commandLine(dir, `explain ${line}`)
    t.equal(code, 0, line)
    t.equal(/^key: (.*)$/m.exec(out)?.[1], key, line)
  }
})

t.test('R1: explain repeats a POST by what its key is worth', async t => {
  const key = (upstream: string, retry = '{}') =>
    `idempotency: { inject: uuid4, upstream: ${upstream} }, retry: ${retry}`
  const yaml = routes(
    key('replay'),
    key('reject'),
    key('resume'),
    key('none'),
    key('resume', '{ non_idempotent: never }'),
  )
  const dir = t.testdir({ 'mulligan.yaml': yaml })
  const rows: [method: string, host: string, answers: string, ...expected: RegExp[]][] = [
    ['POST', 'h0', 'reset,200', /1\. +reset +repeat after .* network: /, /client gets +200/],
    ['POST', 'h0', 'timeout,503', /1\. +timeout +repeat/, /2\. +503 +give back +unsafe-to-repeat/],
    ['POST', 'h0', '429:retry-after=1,200', /1\. +429\S* +repeat after 1s/],
    ['PATCH', 'h1', 'reset,200', /1\. +reset +repeat/],
    ['POST', 'h2', '503,500,200', /1\. +503 +repeat/, /2\. +500 +repeat/],
    ['POST', 'h3', 'reset,200', /1\. +reset +give back +unsafe-to-repeat/, /502 reset/],
    ['POST', 'h4', 'reset,200', /1\. +reset +give back +unsafe-to-repeat/],
    ['POST', 'h4', '503,200', /1\. +503 +give back +unsafe-to-repeat/],
  ]
  for (const [method, host, answers, ...expected] of rows) {
    const { out } = await commandLine(dir, `explain ${method} http://${host}.test/ --answers ${answers}`)
    for (const part of expected) t.match(out, part, `${method} ${host} ${answers}`)
  }
})

t.test('check says in words what keys and classification do', async t => {
  const yaml = routes(
    'idempotency: { json: /key, when: [{ json: /method, any: [a, b, 1, null, true] }, { json: /x }], methods: [POST], upstream: resume, replay: { fingerprint: jcs, ignore: [/id], scope: [Account-Id], store_4xx: [404], in_flight: reject } }, classify: [adcp, json_rpc, { when: { status: [200], json: /error/code, equals: RATE_LIMITED }, as: rate_limited, retry_after: /error/retry_after }]',
    'idempotency: { replay: { on_uncertain: allow } }',
  )
  const dir = t.testdir({ 'mulligan.yaml': yaml })
  const { code, out } = await commandLine(dir, 'check')
  t.equal(code, 0)
  const lines = [
    'idempotency  key of POST in /key of the body; a missing one stays missing',
    'only where /method is "a" or "b" or 1 or null or 1 others',
    'only where there is /x',
    'the upstream resumes the work of a key it knows: a broken connection, or a 5xx, may be repeated',
    'replay       answers are kept for 1d, up to 1MiB, 404 too',
    'the same request: equal JSON without /id, by credential, and account-id',
    'a second one meanwhile gets 409; new keys: 60 per second, 300 at once',
    'an uncertain key is sent again',
    'classify     errors of AdCP',
    'errors of JSON-RPC',
    'a 200 where /error/code is "RATE_LIMITED" counts as rate_limited, wait in /error/retry_after',
    'an uncertain key is sent as if new: an effect may happen twice',
  ]
  for (const line of lines) t.match(out, line)
  const json = JSON.parse((await commandLine(dir, 'check --json')).out)
  t.match(json.config.routes[0], {
    idempotency: { carrier: { kind: 'json' }, replay: { fingerprint: 'jcs' } },
    classify: ['adcp', 'json_rpc', { as: 'rate_limited' }],
  })
})
