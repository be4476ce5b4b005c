import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI from 'openai'
import { test } from 'tap'
import { ProxyAgent } from 'undici'
import { firstThatRuns, output } from '../support/http2-programs.js'
import { shortDir } from '../support/short-dir.js'
import { startFaultGateway } from '../support/x402/fault-gateway.js'
import { paidScene, payingDaemon, WAYS } from '../support/x402/paid-scene.js'
import type { PaidServerOptions } from '../support/x402/paid-server.js'
import { isPaid } from '../support/x402/scripted-seller.js'
import { openShop, PRICE } from '../support/x402/shop.js'

// Programs that know nothing of payments, at a chat that is paid by the answer.

const WORDS = ['one', ' two', ' three']
const CHAT = '/v1/chat/completions'
const model = 'm'

/** A chat that repeats what it is told, whole or word by word. */
const page: NonNullable<PaidServerOptions['page']> = (_, response, { number, body }) => {
  const { stream, messages } = JSON.parse(body.toString()) as { stream?: boolean; messages: [{ content: string }] }
  const base = { id: `chat-${number}`, created: 1, model }
  if (stream !== true) {
    const message = { role: 'assistant', content: `you said ${messages[0].content}` }
    return response.json({
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message }],
    })
  }
  response.set('Content-Type', 'text/event-stream')
  for (const content of WORDS) {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }]
    response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices })}\n\n`)
  }
  return response.end('data: [DONE]\n\n')
}

const SHOP = { page, prices: { [CHAT]: String(PRICE) } }
const TWICE = { paid: 2n * PRICE, earned: 2n * PRICE, payments: 2 }
const messages = [{ role: 'user' as const, content: 'x'.repeat(20_000) }]

/** Asks once for an answer and once for a stream of words. */
async function chat(client: OpenAI): Promise<readonly (string | null | undefined)[]> {
  const whole = await client.chat.completions.create({ model, messages })
  const parts: (string | null | undefined)[] = []
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true }))
    parts.push(chunk.choices[0]?.delta.content)
  return [whole.choices[0]?.message.content, ...parts]
}

const SAID = [`you said ${messages[0]?.content}`, ...WORDS]

test('the OpenAI SDK pays by the answer with nothing but a base URL', async t => {
  const shop = await openShop(t, SHOP)
  const route = ['mount: /seller', `upstream: "${shop.server.url}"`]
  const { daemon, words } = await payingDaemon(t, shop.server.port, 'plain', { route })
  const client = new OpenAI({ baseURL: `${daemon.url}/seller/v1`, apiKey: 'k', maxRetries: 0 })
  t.same(await chat(client), SAID, words().join(' '))
  t.same(await shop.moved(), TWICE)
})

test('the OpenAI SDK pays by the answer with nothing but a proxy', async t => {
  const { shop, daemon, words } = await paidScene(t, 'plain', { shop: SHOP })
  const dispatcher = new ProxyAgent({ uri: daemon.url, proxyTunnel: false })
  t.teardown(() => dispatcher.close())
  const options = { baseURL: `${shop.server.url}/v1`, apiKey: 'k', maxRetries: 0 }
  t.same(await chat(new OpenAI({ ...options, fetchOptions: { dispatcher } as never })), SAID, words().join(' '))
  t.same(await shop.moved(), TWICE)
})

test('P5: an SDK that repeats a POST by itself pays once, and gets the answer that was lost', async t => {
  const shop = await openShop(t, { ...SHOP, paymentIdentifier: 'optional' })
  let paid = 0
  const only = (seen: Parameters<typeof isPaid>[0]) => isPaid(seen) && paid++ === 0
  const gateway = await startFaultGateway(shop.server.port, { rate: 1, seed: 1, faults: ['503-after'], only })
  t.teardown(() => gateway.close())
  const route = ['mount: /seller', `upstream: "${gateway.url}"`]
  const { daemon, words } = await payingDaemon(t, gateway.port, 'plain', { route })
  const client = new OpenAI({ baseURL: `${daemon.url}/seller/v1`, apiKey: 'k', maxRetries: 2 })
  const got = await client.chat.completions.create({ model, messages })
  t.equal(got.id, 'chat-1')
  t.equal(gateway.dealt['503-after'], 1)
  t.same(words(), ['paid', 'unknown', 'presented-again', 'settled'])
  t.equal((await shop.moved()).payments, 1)
})

const HTTPX = `
import httpx, json, sys

proxy, url, ca = sys.argv[1:]
order = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}

def pieces():
    text = json.dumps({**order, "padding": "x" * 3000000}).encode()
    for at in range(0, len(text), 100000):
        yield text[at:at + 100000]

with httpx.Client(proxies=proxy, verify=ca or True, timeout=20) as client:
    print(client.post(url, json=order).json()["choices"][0]["message"]["content"])
    made = client.post(url, content=pieces(), headers={"Content-Type": "application/json"})
    print(made.json()["choices"][0]["message"]["content"])
    with client.stream("POST", url, json={**order, "stream": True}) as answer:
        events = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    print("".join(json.loads(event)["choices"][0]["delta"]["content"] for event in events[:-1]))
`
const probe = ['-c', 'import httpx']
const python = await firstThatRuns(['python3', ...probe], ['/usr/bin/python3', ...probe])

for (const way of WAYS) {
  test(`httpx pays by the answer, also for a body that a generator makes, ${way}`, {
    skip: python === undefined && 'no Python with httpx',
  }, async t => {
    const { shop, daemon, urlOf, words } = await paidScene(t, way, { shop: SHOP })
    const dir = shortDir(t)
    const program = join(dir, 'chat.py')
    writeFileSync(program, HTTPX)
    const url = way === 'plain' ? urlOf(CHAT) : `https://api.test${CHAT}`
    const said = await output(
      dir,
      String(python),
      program,
      daemon.url,
      url,
      way === 'plain' ? '' : join(daemon.state, 'ca.pem'),
    )
    t.same(said.trim().split('\n'), ['you said hello', 'you said hello', 'one two three'], words().join(' '))
    t.same(await shop.moved(), { paid: 3n * PRICE, earned: 3n * PRICE, payments: 3 })
  })
}
