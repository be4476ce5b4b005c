import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { OPERATIONS, type Operation } from '../../src/admin/operations.js'
import { adminPort, send } from '../support/admin.js'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { EventReader } from '../support/event-reader.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'
import { payer } from '../support/x402/shop.js'

/** In every secret of this test, and in nothing else. */
const CANARY = 'kanarie'

/** What somebody may write into a configuration, a file, a variable or a request. */
const SECRETS = {
  env: `${CANARY}-env-token`,
  file: `${CANARY}-file-token`,
  literal: `${CANARY}-literal-token`,
  client: `${CANARY}-client-secret`,
  proxy: `${CANARY}-proxy-password`,
  argument: `${CANARY}-argument`,
  query: `${CANARY}-query-value`,
  user: `${CANARY}-userinfo`,
}

const yaml = (upstream: string, folder: string) => `
store: memory
listen: { auth: { username: u, password: "${SECRETS.proxy}" } }
credentials:
  env: { source: { env: TOKEN } }
  file: { inject: { query: key }, source: { file: "${folder}/token" } }
  literal: { inject: { header: X-Api-Key }, source: { oauth2: { token_url: "${upstream}/token?key=${SECRETS.query}", grant: refresh_token, client_id: me, client_secret: "${SECRETS.client}", refresh_token: "${SECRETS.literal}", params: { resource: ${SECRETS.argument} } } } }
  program: { source: { exec: { command: [node, -e, "console.error('${SECRETS.argument}');process.exit(1)", ${SECRETS.argument}] } } }
wallets:
  agent:
    evm: { key: "${payer.key}" }
    networks: ["eip155:84532"]
    assets: [USDC]
    limits: { per_request: "0.05 USDC", total: "3 USDC" }
    rpc_url: "https://node.test/v3/${SECRETS.argument}"
routes:
  - { name: paid, match: { host: 127.0.0.1, path: /paid }, payment: { wallet: agent, allow_insecure: true } }
${['env', 'file', 'literal', 'program'].map(name => `  - { name: ${name}, match: { host: 127.0.0.1, path: /${name} }, credential: ${name}, idempotency: { header: Idempotency-Key, upstream: none, replay: { ttl: 1h } } }`).join('\n')}
  - { name: all, match: { host: "*" }, retry: { backoff: { base: 1ms, cap: 2ms } } }
`

test('T8, T19: no secret is in any answer of the admin side, wherever it came from', async t => {
  const upstream = await startUpstream(({ path }) =>
    path.startsWith('/token')
      ? answer(
          400,
          JSON.stringify({ error: 'invalid_grant', error_description: SECRETS.client }),
          'Content-Type: application/json',
        )
      : answer(
          path.startsWith('/bad') ? 503 : 200,
          SECRETS.env,
          `Set-Cookie: s=${SECRETS.env}`,
          'Retry-After: 0',
          `X-Ratelimit-Key-Note: 1`,
        ),
  )
  t.teardown(() => upstream.close())
  const folder = shortDir(t)
  writeFileSync(join(folder, 'token'), SECRETS.file, { mode: 0o600 })
  const env = { ...process.env, TOKEN: SECRETS.env }
  const daemon = await startTestDaemon(yaml(upstream.url, folder), '127.0.0.1:0', env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const port = adminPort(daemon)
  const events = await EventReader.open(port)
  t.teardown(() => events.close())
  const password = Buffer.from(`u:${SECRETS.proxy}`).toString('base64')
  const fields = [
    `Proxy-Authorization: Basic ${password}`,
    `Authorization: Bearer ${SECRETS.user}`,
    `Cookie: session=${SECRETS.user}`,
    `X-Custom-Header: ${SECRETS.user}`,
    `Referer: http://somewhere.test/?token=${SECRETS.user}`,
    `Idempotency-Key: 1234-5678-${SECRETS.user}`,
  ]
  const asked = ['/env', '/file', '/literal', '/program', '/paid', '/bad', '/good']
  for (const path of asked) {
    for (const method of ['GET', 'POST']) {
      const url = `${upstream.url}${path}?token=${SECRETS.query}`
      await request(daemon.port, url, { method, fields, ...(method === 'POST' && { body: SECRETS.user }) })
    }
  }
  const logged = await daemon.logged(2 * asked.length)
  await events.until(({ id }) => id === logged.at(-1)?.id)
  const heads = upstream.seen.map(({ head }) => head).join('\n')
  for (const secret of [SECRETS.env, SECRETS.file, SECRETS.user, SECRETS.query])
    t.ok(heads.includes(secret), 'it was used')
  const token = readFileSync(join(daemon.state, 'admin.token'), 'utf8').trim()
  const forms = new Set([payer.key, payer.key.slice(2), token, password, Buffer.from(payer.key).toString('base64')])
  for (const form of [...forms]) for (const each of [form.toUpperCase(), encodeURIComponent(form)]) forms.add(each)
  const check = (text: string, name: string) => {
    t.notMatch(text, /kanarie|a2FuYXJpZ|thbmFyaW|YW5hcml|6b616e61726965/i, name)
    for (const form of forms) t.notOk(text.includes(form), name)
  }
  const answers: string[] = []
  for (const { id } of logged) answers.push(`/v1/exchanges/${id}`)
  for (const { method, path, media } of Object.values<Operation>(OPERATIONS)) {
    if (method === 'GET' && media !== 'text/event-stream') answers.push(path)
  }
  const changes = ['env', 'file', 'literal', 'program'].map(name => `/v1/credentials/${name}/refresh`)
  for (const path of [...changes, '/v1/reload']) {
    const changed = await send(port, path, { method: 'POST', fields: [`Authorization: Bearer ${token}`] })
    check(changed.head + changed.text, path)
  }
  for (const path of answers) {
    const { head, text } = await send(port, path)
    check(head + text, path)
  }
  const [detail, config] = [await send(port, `/v1/exchanges/${logged[0]?.id}`), await send(port, '/v1/config')]
  t.match(detail.text, '["Cookie","[redacted]"]')
  t.match(config.text, '"literal":"[redacted]"')
  const wrong = await send(port, `/v1/${SECRETS.query}?a=${SECRETS.query}`)
  check(wrong.text, 'a path that is not there')
  check(JSON.stringify(events.all), '/v1/events')
  t.ok(events.all.length > asked.length)
  check(JSON.stringify(daemon.lines), 'the log')
})
