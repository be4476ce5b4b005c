import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { rawExchange, readAnswer } from '../support/client.js'
import { JSON_TYPE, keyedScene } from '../support/keyed-scene.js'
import { answer, type Script } from '../support/upstream.js'

const KEY = 'order-1-abcdefgh-1234'

/** A call of a tool that makes something, as MCP has it. */
const call = (id: number | string, key: string, name = 'create_media_buy'): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}","arguments":{"budget":5000,"idempotency_key":"${key}"}}}`

const result = (id: string, number: number): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"structuredContent":{"media_buy_id":"mb-${number}","big":9007199254740993}}}`

const idOf = (text: string): string => JSON.stringify((JSON.parse(text) as { id: unknown }).id)
const tool: Script = ({ body, number }) => answer(200, result(idOf(body.toString()), number), JSON_TYPE)

const AGENT = (dialect: string): string[] => [
  'classify: [adcp]',
  `idempotency:
      json: /params/arguments/idempotency_key
      when: [{ json: /method, equals: tools/call }, { json: /params/name, any: [create_media_buy] }]
      upstream: none
      replay: { fingerprint: jcs, ignore: [/id], dialect: ${dialect} }`,
]

test('I14: a replay of JSON-RPC has the id of the request that gets it, and every other byte of the first', async t => {
  const { upstream, post } = await keyedScene(t, tool, AGENT('json_rpc'))
  t.equal((await post(call(1, KEY))).text, result('1', 1))
  for (const id of [2, 'three', 4]) t.equal((await post(call(id, KEY))).text, result(JSON.stringify(id), 1))
  t.equal(upstream.seen.length, 1)
  t.equal((await post(call(5, KEY).replace('5000', '5001'))).status, 422, 'another budget')
})

test('I14: a replay of AdCP also says so within', async t => {
  const { upstream, post } = await keyedScene(t, tool, AGENT('adcp'))
  t.notMatch((await post(call(1, KEY))).text, 'replayed')
  const again = await post(call(2, KEY))
  t.same(JSON.parse(again.text), {
    jsonrpc: '2.0',
    id: 2,
    result: { structuredContent: { media_buy_id: 'mb-1', big: Number('9007199254740993'), replayed: true } },
  })
  t.match(again.text, '9007199254740993', 'no digit is lost')
  t.equal(again.header('content-length'), String(Buffer.byteLength(again.text)))
  t.equal(upstream.seen.length, 1)
})

test('I14: a replayed event stream, and one under gzip, have the new id too', async t => {
  const events = (text: string) => `event: message\ndata: ${text}\n\n`
  const wrap: readonly ((text: string) => readonly [Buffer, ...string[]])[] = [
    text => [Buffer.from(events(text)), 'Content-Type: text/event-stream'],
    text => [gzipSync(text), JSON_TYPE, 'Content-Encoding: gzip'],
  ]
  for (const [i, form] of wrap.entries()) {
    const script: Script = ({ body }, socket) => {
      const [bytes, ...fields] = form(result(idOf(body.toString()), 1))
      socket.write(`HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\nContent-Length: ${bytes.length}\r\n\r\n`)
      socket.write(bytes)
      return undefined
    }
    const { upstream, post } = await keyedScene(t, script, AGENT('json_rpc'))
    t.equal((await post(call(1, KEY))).status, 200)
    const again = await post(call(2, KEY))
    t.equal(again.text, i === 0 ? events(result('2', 1)) : result('2', 1))
    t.equal(again.header('content-encoding'), undefined)
    t.equal(upstream.seen.length, 1)
  }
})

test('I2: tools that change nothing are no business of keys, and calls without one get one', async t => {
  const { upstream, post } = await keyedScene(t, tool, ['preset: adcp'])
  const reading = call(1, KEY, 'get_products').replace(`,"idempotency_key":"${KEY}"`, '')
  const writing = call(1, KEY).replace(`,"idempotency_key":"${KEY}"`, '')
  await post(reading)
  await post(writing)
  t.equal(upstream.seen[0]?.body.toString(), reading)
  const [before = '', after = ''] = writing.split('5000}')
  const sent = upstream.seen[1]?.body.toString() ?? ''
  t.ok(sent.startsWith(`${before}5000,"idempotency_key":"`) && sent.endsWith(`"}${after}`), sent)
})

test('L6: a keyed request that waits for a go-ahead gets it, though its body is read before the upstream is asked', async t => {
  const { upstream, daemon } = await keyedScene(t, () => answer(201, '{"id":1}', JSON_TYPE), [
    'idempotency: { replay: {} }',
  ])
  const socket = connect(daemon.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const head = `POST ${upstream.url}/orders HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nIdempotency-Key: ${KEY}\r\n`
  socket.write(`${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`)
  await new Promise<void>(resolve =>
    socket.once('data', data => {
      t.match(data.toString(), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
      resolve()
    }),
  )
  const answered = readAnswer(socket, 'POST')
  socket.write('{}')
  t.equal((await answered).status, 201)
  t.notOk(upstream.seen[0]?.header('expect'))
})

test('I5: how a body is framed is none of its payload', async t => {
  const { upstream, daemon, keyed } = await keyedScene(t, () => answer(201, '{"id":1}', JSON_TYPE), [
    'idempotency: { replay: {} }',
  ])
  t.equal((await keyed(KEY, '{"a":1}')).status, 201)
  const head = `POST ${upstream.url}/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${JSON_TYPE}\r\nIdempotency-Key: ${KEY}`
  const chunked = `${head}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`
  t.match(await rawExchange(daemon.port, chunked), /Idempotent-Replayed: true/i)
  t.equal(upstream.seen.length, 1)
})
