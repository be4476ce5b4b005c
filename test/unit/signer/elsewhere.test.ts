import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SignerSource } from '../../../src/config/wallet.js'
import { keySigner } from '../../../src/signer/local-key.js'
import { openSigner } from '../../../src/signer/open-signer.js'
import type { Signer } from '../../../src/signer/signer.js'
import { systemClock } from '../../../src/time/clock.js'
import { millis } from '../../../src/time/units.js'
import type { TypedData } from '../../../src/x402/scheme.js'
import { testKey, typedData } from '../../support/x402/typed-data.js'

const local = await keySigner({ literal: testKey(9) }, { env: {}, shared: false })
const TYPED = typedData(9, local.address)
const EXPECTED = await local.sign(TYPED)

async function open(source: SignerSource): Promise<Signer> {
  const settings = { source, address: local.address.toLowerCase(), shared: false }
  const signer = await openSigner(settings, { env: { ANSWER: EXPECTED }, clock: systemClock, ca: undefined })
  if (signer === undefined) throw new Error('there is a signer')
  return signer
}

/** A signer program in JavaScript; `input` is what it was given. */
const program = (code: string, timeout = 10_000) =>
  open({
    kind: 'exec',
    command: [process.execPath, '-e', `const input = JSON.parse(require('fs').readFileSync(0)); ${code}`],
    timeout: millis(timeout),
  })

t.test('a program is given the data as JSON and prints the signature', async t => {
  const check = `if (input.message.value !== '${TYPED.message['value']}') process.exit(9);`
  const signer = await program(`${check} console.log(process.env.ANSWER)`)
  t.equal(signer.address, local.address)
  t.equal(await signer.sign(TYPED), EXPECTED)
})

t.test('a program that does not sign is an error that repeats nothing of what it printed', async t => {
  const rows: [string, RegExp][] = [
    ['console.error("hunter2"); process.exit(3)', /did not sign: exit code 3$/],
    ['console.log("hunter2")', /no signature of 65 bytes/],
    ['console.log("hunter2".repeat(9_000))', /did not sign: it printed more than a signature$/],
    ['process.kill(process.pid, "SIGKILL")', /did not sign: ended by SIGKILL$/],
    ['', /no signature of 65 bytes/],
  ]
  for (const [code, message] of rows) {
    const error = await (await program(code)).sign(TYPED).catch((thrown: Error) => thrown)
    t.match(error, { name: 'SignerError', message }, code)
    t.notMatch(String(error), /hunter2/)
  }
  const none = await open({ kind: 'exec', command: [join(t.testdir(), 'none')], timeout: millis(1_000) })
  await t.rejects(none.sign(TYPED), { name: 'SignerError', message: /did not sign: ENOENT$/ })
})

t.test('a program that hangs is ended in time, and so is one whose wallet is closed', async t => {
  const hung = await program('setInterval(() => {}, 1e6)', 300)
  await t.rejects(hung.sign(TYPED), { name: 'SignerError', message: /did not sign: it took longer than 300ms$/ })
  const closing = await program('setInterval(() => {}, 1e6)')
  const signing = closing.sign(TYPED)
  closing.close()
  await t.rejects(signing, { name: 'SignerError', message: /did not sign: the wallet was closed$/ })
  await t.rejects(closing.sign(TYPED), { name: 'SignerError', message: 'the wallet is closed' })
})

type Call = { id: number; method: string; params: [string, unknown] }

async function wallet(t: Test, answer: (call: Call, response: ServerResponse) => void): Promise<string> {
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    answer(JSON.parse(Buffer.concat(chunks).toString()) as Call, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/key?x=hunter2`
}

const remote = (
  url: string,
  method: 'eth_signTypedData_v4' | 'eth_signTypedData' = 'eth_signTypedData_v4',
  timeout = 10_000,
) => open({ kind: 'remote', url, method, timeout: millis(timeout) })

t.test('a remote wallet is asked by its method, with the address and the data', async t => {
  const calls: Call[] = []
  const url = await wallet(t, (call, response) => {
    if (call.method === 'eth_accounts') return response.end(`{"id":1,"result":["${local.address.toLowerCase()}"]}`)
    calls.push(call)
    const given = call.params[1]
    const data = (typeof given === 'string' ? JSON.parse(given) : given) as TypedData
    return void local.sign(data).then(result => response.end(JSON.stringify({ jsonrpc: '2.0', id: call.id, result })))
  })
  t.equal(await (await remote(url)).sign(TYPED), EXPECTED)
  t.equal(await (await remote(url, 'eth_signTypedData')).sign(TYPED), EXPECTED)
  t.match(calls[0], { method: 'eth_signTypedData_v4', params: [local.address, TYPED] })
  t.match(calls[1], { method: 'eth_signTypedData', params: [local.address, JSON.stringify(TYPED)] })
})

t.test('a remote wallet that does not sign is an error that repeats nothing of what it said', async t => {
  const rows: [(response: ServerResponse) => void, RegExp][] = [
    [
      r => r.end('{"id":1,"error":{"code":-32000,"message":"hunter2"}}'),
      /^JSON-RPC at 127\.0\.0\.1:\d+ refused: code -32000$/,
    ],
    [r => r.writeHead(502).end('hunter2'), /answered 502 without JSON$/],
    [r => r.end('{"id":1}'), /answered 200 without a result$/],
    [r => r.end('{"id":1,"result":7}'), /gave no signature$/],
    [r => r.end('{"id":1,"result":"0x12"}'), /no signature of 65 bytes/],
    [r => r.destroy(), /cannot be reached: ECONNRESET$/],
    [
      r => r.writeHead(200, { 'content-length': '99' }).write('{', () => r.destroy()),
      /broke off its answer$|ECONNRESET/,
    ],
    [r => r.writeHead(302, { location: '/elsewhere' }).end(), /answered 302 without JSON$/],
  ]
  for (const [answer, message] of rows) {
    const url = await wallet(t, (_, response) => answer(response))
    const error = await (await remote(url)).sign(TYPED).catch((thrown: Error) => thrown)
    t.match(error, { name: 'SignerError', message })
    t.notMatch(String(error), /hunter2/)
  }
  const silent = await wallet(t, () => undefined)
  await t.rejects((await remote(silent, 'eth_signTypedData_v4', 200)).sign(TYPED), {
    message: /did not answer within 200ms$/,
  })
})

t.test('a remote wallet that says it has other accounts does not open', async t => {
  const url = await wallet(t, (_, response) => response.end(`{"id":1,"result":["0x${'12'.repeat(20)}"]}`))
  const refused = { name: 'SignerError', message: `the remote signer has no account ${local.address}` }
  await t.rejects(remote(url), refused)
  const clef = { kind: 'remote', url, method: 'account_signTypedData', timeout: millis(1_000) } as const
  t.equal((await open(clef)).address, local.address, 'clef would have to ask its user')
})
