import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { startTestDaemon } from '../support/daemon.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

/** The real SDKs, with the two repeats they make by default, pointed at a mount. */
async function sdks(t: Test, script: Script) {
  const upstream = await startUpstream(script)
  const daemon = await startTestDaemon(`
routes:
  - name: api
    match: { host: api.test }
    upstream: ${upstream.url}
    mount: /api
    retry: { backoff: { base: 10ms, cap: 20ms } }
    breaker: off
`)
  t.teardown(async () => {
    await upstream.close()
    await daemon.close()
  })
  const baseURL = `${daemon.url}/api`
  return { upstream, openai: new OpenAI({ baseURL, apiKey: 'k' }), anthropic: new Anthropic({ baseURL, apiKey: 'k' }) }
}

const busy = (...fields: string[]) =>
  answer(503, '{"error":{"message":"busy"}}', 'Content-Type: application/json', ...fields)

type Scene = Awaited<ReturnType<typeof sdks>>
const CALLS: Record<string, (scene: Scene) => Promise<unknown>> = {
  'OpenAI, POST': ({ openai }) =>
    openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }] }),
  'OpenAI, GET': ({ openai }) => openai.models.list(),
  'Anthropic, POST': ({ anthropic }) =>
    anthropic.messages.create({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] }),
  'Anthropic, GET': ({ anthropic }) => anthropic.models.list(),
}

t.test('S9: the repeats of an SDK and ours do not multiply', { jobs: 8 }, async t => {
  for (const [name, call] of Object.entries(CALLS)) {
    for (const fields of [[], ['retry-after-ms: 50']]) {
      t.test(`${name}, always 503 ${fields}`, { buffered: true }, async t => {
        const scene = await sdks(t, () => busy(...fields))
        const error: unknown = await call(scene).catch((thrown: unknown) => thrown)
        t.match(error, { status: 503, message: /busy/ }, "the caller sees the upstream's own error")
        const hits = scene.upstream.seen.length
        t.ok(hits <= 4, `${hits} hits`)
        t.ok(hits >= 3, 'someone did repeat')
      })
    }
  }
})

t.test('S9: an SDK call succeeds where the proxy repeats for it', async t => {
  const done = answer(200, '{"object":"list","data":[{"id":"m1"}]}', 'Content-Type: application/json')
  const { upstream, openai } = await sdks(t, seen => (seen.number < 3 ? busy() : done))
  t.equal((await openai.models.list()).data[0]?.id, 'm1')
  const counts = upstream.seen.map(seen => seen.header('x-stainless-retry-count'))
  t.same(counts, ['0', '0', '0'], 'the SDK knows nothing of it')
})
