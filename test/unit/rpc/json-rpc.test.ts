import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { jsonRpc, RpcError } from '../../../src/rpc/json-rpc.js'
import { systemClock } from '../../../src/time/clock.js'
import { millis } from '../../../src/time/units.js'

type Seen = { readonly request: IncomingMessage; readonly text: string }

/** Answers every call with this, and keeps what it saw. */
async function node(t: Test, answer: string): Promise<{ host: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.push({ request, text: Buffer.concat(chunks).toString() })
      response.end(answer)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const rpc = (url: string) => jsonRpc({ url, timeout: millis(5_000), ca: undefined }, systemClock)

t.test('a call is one POST with a number of its own, and the credentials of the URL in their place', async t => {
  const { host, seen } = await node(t, '{"jsonrpc":"2.0","id":1,"result":null}')
  const call = rpc(`http://us%65r:p%40ss@${host}/v1/node?x=1`)
  t.equal(await call('eth_blockNumber', []), null)
  await call('eth_call', [{ to: '0x1' }, 'latest'])
  t.same(
    seen.map(({ text }) => JSON.parse(text) as unknown),
    [
      { jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] },
      { jsonrpc: '2.0', id: 2, method: 'eth_call', params: [{ to: '0x1' }, 'latest'] },
    ],
  )
  const [{ request } = { request: undefined }] = seen
  t.match(request, { method: 'POST', url: '/v1/node?x=1', headers: { 'content-type': 'application/json' } })
  t.equal(request?.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`)
})

t.test('an error tells a refusal from a failure, and repeats neither path nor message', async t => {
  const { host } = await node(t, '{"error":{"code":3,"message":"secret revert"}}')
  const refused = await rpc(`http://${host}/secret`)('eth_call', []).catch((error: unknown) => error)
  t.match(refused, { refused: true, message: `JSON-RPC at ${host} refused: code 3` })
  const lost = await rpc('http://127.0.0.1:1/secret')('eth_call', []).catch((error: unknown) => error)
  t.ok(lost instanceof RpcError)
  t.match(lost, { refused: false, message: 'JSON-RPC at 127.0.0.1:1 cannot be reached: ECONNREFUSED' })
})

t.test('an answer without end is cut off', async t => {
  const { host } = await node(t, ' '.repeat(17 * 1_048_576))
  await t.rejects(rpc(`http://${host}/`)('eth_getLogs', []), { message: /longer than 16 MiB$/ })
})
