import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import type { Answer } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { crowd } from '../support/crowd.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script } from '../support/upstream.js'

const LANES = 32
const DONE = (key: string): string => answer(201, `{"done":"${key}"}`, JSON_TYPE)

/** What a key got the second time: its own real answer, unmarked; a refusal of ours; or what it must never get. */
function second(got: Answer, key: string): string {
  if (got.header('idempotent-replayed') !== undefined) return 'REPLAYED'
  if (got.status === 201 && got.text === `{"done":"${key}"}`) return 'done'
  return got.status === 409 ? String(problemOf(got)['code']) : `${got.status} ${got.text}`
}

/** Each key is answered `first` once and then with a success; asks twice with each. @returns what they got the second time */
async function asksTwice(
  t: Test,
  keys: readonly string[],
  first: (key: string) => Script,
  lines: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const tried = new Set<string>()
  const script: Script = (seen, socket) => {
    const key = seen.header('idempotency-key') ?? ''
    if (tried.has(key)) return DONE(key)
    tried.add(key)
    return first(key)(seen, socket)
  }
  const { keyed, daemon } = await keyedScene(t, script, lines)
  const told = await crowd(keys.length, LANES, async i => {
    const key = keys[i] as string
    await keyed(key)
    return [key, second(await keyed(key), key)] as const
  })
  t.ok(daemon.exchanges().every(({ end }) => end !== 'replayed' && end !== 'shared'))
  return new Map(told)
}

const route = (replay: string, upstream: string, ...lines: string[]): string[] => [
  'breaker: off',
  'retry: off',
  'cooldown: off',
  `idempotency: { upstream: ${upstream}, replay: { ${NO_CEILING}, ${replay} } }`,
  ...lines,
]

const STATUSES = Array.from({ length: 200 }, (_, i) => 400 + i)
const keyOf = (status: number): string => `status-${status}-abcdefgh`
const statusOf = (key: string): number => Number(key.split('-')[1])
/** Refused as such: 501, 505, 511. */
const untried = (status: number): boolean => [501, 505, 511].includes(status)

const POLICIES: readonly (readonly [
  what: string,
  replay: string,
  upstream: string,
  second: (status: number) => string,
])[] = [
  ['an upstream that dedups', 'ttl: 1h', 'replay', () => 'done'],
  ['one that does not', 'ttl: 1h', 'none', status => (status >= 500 && !untried(status) ? 'outcome_unknown' : 'done')],
  ['one that changes nothing before it fails', 'on_5xx: release', 'none', () => 'done'],
]

for (const [what, replay, upstream, expected] of POLICIES) {
  test(`I7: no status from 400 to 599 is ever replayed, over ${what}`, async t => {
    const first =
      (key: string): Script =>
      () =>
        answer(statusOf(key), '{"no":1}', JSON_TYPE)
    const told = await asksTwice(t, STATUSES.map(keyOf), first, route(replay, upstream))
    for (const status of STATUSES) {
      if (told.get(keyOf(status)) !== expected(status)) t.fail(`${status}: ${told.get(keyOf(status))}`)
    }
    t.equal(told.size, STATUSES.length)
  })
}

test('I7: the same with repeats of our own, whose last answer it is that counts', async t => {
  const retry = 'retry: { attempts: 2, backoff: { base: 1ms, cap: 2ms }, budget: { ratio: 1, min_per_second: 1000 } }'
  const lines = [...route('ttl: 1h', 'resume').filter(line => line !== 'retry: off'), retry]
  const hits = new Map<string, number>()
  const script: Script = seen => {
    const key = seen.header('idempotency-key') ?? ''
    const hit = (hits.get(key) ?? 0) + 1
    hits.set(key, hit)
    return seen.header('x-first') === undefined ? DONE(key) : answer(statusOf(key), `{"hit":${hit}}`, JSON_TYPE)
  }
  const { keyed } = await keyedScene(t, script, lines)
  const told = await crowd(STATUSES.length, LANES, async i => {
    const key = keyOf(STATUSES[i] as number)
    const first = await keyed(key, '{}', 'X-First: yes')
    return [first.status === STATUSES[i], first.text === `{"hit":${hits.get(key)}}`, second(await keyed(key), key)]
  })
  for (const [i, got] of told.entries()) if (`${got}` !== 'true,true,done') t.fail(`${STATUSES[i]}: ${got}`)
  t.ok([...hits.values()].filter(count => count === 3).length >= 7, 'some were repeated')
})

test('I7: `store_4xx` keeps what it names, and nothing that is never to be kept', async t => {
  const first =
    (key: string): Script =>
    () =>
      answer(statusOf(key), '{"no":1}', JSON_TYPE)
  const kept = [400, 404, 422]
  const told = await asksTwiceOr(t, STATUSES.filter(status => status < 500).map(keyOf), first, kept)
  t.same(
    [...told].filter(([, got]) => got === 'REPLAYED').map(([key]) => statusOf(key)),
    kept,
  )
})

/** Like `asksTwice`, where some are replayed. */
async function asksTwiceOr(t: Test, keys: readonly string[], first: (key: string) => Script, kept: readonly number[]) {
  const { keyed } = await keyedScene(
    t,
    (seen, socket) => first(seen.header('idempotency-key') ?? '')(seen, socket),
    route(`store_4xx: [${kept}]`, 'none'),
  )
  const told = await crowd(keys.length, LANES, async i => {
    const key = keys[i] as string
    await keyed(key)
    return [key, second(await keyed(key), key)] as const
  })
  return new Map(told)
}

/** Errors that a status of 200 hides. */
const ERRORS: Readonly<Record<string, object>> = {
  mcp: {
    jsonrpc: '2.0',
    id: 1,
    result: { isError: true, structuredContent: { adcp_error: { code: 'RATE_LIMITED', retry_after: 1 } } },
  },
  'mcp text': {
    jsonrpc: '2.0',
    id: 1,
    result: { isError: true, content: [{ type: 'text', text: 'no such product' }] },
  },
  'json-rpc': { jsonrpc: '2.0', id: 1, error: { code: -32_029, message: 'slow down' } },
  'json-rpc other': { jsonrpc: '2.0', id: 1, error: { code: -32_602, message: 'no' } },
  a2a: {
    jsonrpc: '2.0',
    id: 1,
    result: {
      status: { state: 'failed' },
      artifacts: [{ parts: [{ kind: 'data', data: { adcp_error: { code: 'SERVICE_UNAVAILABLE' } } }] }],
    },
  },
  rest: { error: { code: 'quota', retry_after: 1 } },
}

const EVENTS = 'Content-Type: text/event-stream'

function coded(body: string | Buffer, ...fields: string[]): Buffer {
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields.join('\r\n')}\r\n\r\n`),
    Buffer.from(body),
  ])
}

const chunked = (body: string, end: string, ...fields: string[]): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${fields.join('\r\n')}\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n${end}`

const LAST = '0\r\n\r\n'

/** Ways in which an answer carries its error. */
const FORMS: Readonly<Record<string, (error: string) => Script>> = {
  'with a length': error => () => answer(200, error, JSON_TYPE),
  chunked: error => () => chunked(error, LAST, JSON_TYPE),
  gzip: error => (_, socket) => void socket.write(coded(gzipSync(error), JSON_TYPE, 'Content-Encoding: gzip')),
  'an event': error => () => chunked(`: hello\n\ndata: ${error}\n\n`, LAST, EVENTS),
  'an event before others': error => () =>
    chunked(`event: message\ndata: ${error}\n\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n`, LAST, EVENTS),
  'an event of a stream that breaks': error => (_, socket) =>
    void socket.write(chunked(`data: ${error}\n\n`, '', EVENTS), () => socket.destroy()),
  'an event under gzip': error => (_, socket) =>
    void socket.write(coded(gzipSync(`data: ${error}\n\n`), EVENTS, 'Content-Encoding: gzip')),
  'after 100 KB': error => () => answer(200, `${' '.repeat(100_000)}${error}`, JSON_TYPE),
}

const RULES = 'classify: [adcp, json_rpc, { when: { json: /error/code, equals: quota }, as: error }]'
const CASES = Object.keys(ERRORS).flatMap(error => Object.keys(FORMS).map(form => `${error} / ${form}`))

for (const upstream of ['none', 'replay']) {
  test(`I7: no error within a 200 is ever replayed, in whatever form it comes (upstream: ${upstream})`, async t => {
    const first = (key: string): Script => {
      const [error = '', form = ''] = key.split(' / ')
      return (FORMS[form] as (typeof FORMS)[string])(JSON.stringify(ERRORS[error]))
    }
    const told = await asksTwice(t, CASES, first, route('ttl: 1h', upstream, RULES))
    for (const [key, got] of told) if (got !== 'done') t.fail(`${key}: ${got}`)
    t.equal(told.size, 48)
  })
}

test('I7: an error within a 200 frees its key also where it is longer than what would be kept', async t => {
  const short = CASES.filter(key => !key.includes('100 KB') && !key.includes('event under gzip'))
  const first = (key: string): Script => {
    const [error = '', form = ''] = key.split(' / ')
    return (FORMS[form] as (typeof FORMS)[string])(JSON.stringify(ERRORS[error]))
  }
  for (const body_max of ['0B', '16B']) {
    const told = await asksTwice(t, short, first, route(`body_max: ${body_max}`, 'none', RULES))
    for (const [key, got] of told) if (got !== 'done') t.fail(`body_max ${body_max}, ${key}: ${got}`)
  }
})

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

/** What may become of an answer on the network, after the request was done. */
const FAULTS: Readonly<Record<string, Script>> = {
  'reset before the head': (_, socket) => void socket.resetAndDestroy(),
  'close before the head': (_, socket) => void socket.destroy(),
  'close within the head': (_, socket) => void socket.end('HTTP/1.1 200 O'),
  'a head that is none': () => 'BANANA\r\n\r\n',
  silence: () => undefined,
  'reset within the body': (_, socket) =>
    void socket.write(`${HEAD}Content-Length: 9\r\n\r\n{"do`, () => setImmediate(() => socket.resetAndDestroy())),
  'close within a chunk': (_, socket) => void socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\n{"do`),
  'close before the last chunk': (_, socket) => void socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`),
  'a chunk that is none': () => `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n`,
}

for (const [upstream, expected] of [
  ['none', 'outcome_unknown'],
  ['replay', 'done'],
] as const) {
  test(`I7, I10: nothing of an answer that was lost on the way is ever replayed (upstream: ${upstream})`, async t => {
    const first = (key: string): Script => FAULTS[key] as Script
    const lines = route('ttl: 1h', upstream, 'timeout: { total: 5s, per_try: 1s, idle: 1s }')
    // All share this process: when it stands still, answers that are there are late.
    const told = await undisturbed(() => asksTwice(t, Object.keys(FAULTS), first, lines), 300)
    t.same(Object.fromEntries(told), Object.fromEntries(Object.keys(FAULTS).map(name => [name, expected])))
  })
}
