import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Answer, request } from '../support/client.js'
import { type LiveDaemon, startLive } from '../support/live-daemon.js'
import { type Home, makeHome, mulligan } from '../support/mulligan.js'
import { hasRedis, startRedis } from '../support/redis-server.js'
import { answer, type Seen, startUpstream } from '../support/upstream.js'

/** In every secret of these tests, and in nothing else. */
const CANARY = 'kanarie'
const MANAGED = `${CANARY}-managed-token`
/** No secret, so that a trace of the log may show it; but not to be kept either. */
const TENANT = 'the-tenant-of-mine'

/** The canary as it is, in hexadecimal, and within base64 wherever it may begin. */
const FORMS: readonly string[] = [CANARY, Buffer.from(CANARY).toString('hex'), ...[0, 1, 2].map(inBase64)]

function inBase64(before: number): string {
  const text = Buffer.from('x'.repeat(before) + CANARY)
    .toString('base64')
    .replace(/=+$/, '')
  // The characters at either end share bits with what stands there.
  return text.slice(before === 0 ? 0 : before + 1, -1)
}

function canariesIn(bytes: Buffer | string): string[] {
  const text = bytes.toString('latin1')
  const forms = FORMS.filter(form => text.includes(form) || text.toLowerCase().includes(form))
  return forms.map(form => text.slice(Math.max(0, text.indexOf(form) - 40), text.indexOf(form) + 60))
}

/** Every file below, by its path. */
function filesBelow(folder: string): [path: string, bytes: Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => [path, readFileSync(path)])
}

/** At rest is what a replay needs, and nothing secret. */
function provesNothingKept(t: Test, folder: string): void {
  const files = filesBelow(folder)
  t.ok(
    files.some(([, bytes]) => bytes.includes('the-answer-that-is-kept')),
    'what is kept can be read there',
  )
  for (const [path, bytes] of files) {
    t.same(canariesIn(bytes), [], path)
    t.notOk(bytes.includes(TENANT), path)
  }
}

/** Ways in which a keyed request may end; the path says which. */
const ENDS: Readonly<Record<string, string | undefined>> = {
  done: answer(
    201,
    'the-answer-that-is-kept',
    'Content-Type: text/plain',
    `Set-Cookie: session=${CANARY}-set-cookie`,
    `WWW-Authenticate: Bearer realm="${CANARY}-challenge"`,
    `X-Internal-Token: ${CANARY}-field`,
    `Authentication-Info: ${CANARY}-info`,
  ),
  managed: answer(201, 'the-answer-that-is-kept'),
  long: answer(200, `${CANARY}-answer `.repeat(100)),
  limited: answer(429, `${CANARY}-limited`, 'Retry-After: 3600'),
  refused: answer(401, `${CANARY}-refused`),
  costs: answer(402, `${CANARY}-costs`, `PAYMENT-REQUIRED: ${CANARY}-terms`),
  error: answer(200, `{"error":"${CANARY}-error"}`, 'Content-Type: application/json'),
  broken: undefined,
}

const routes = (port: number, store: string): string => `
state: state
store: "${store}"
log: { level: trace }
credentials:
  vendor: { source: { env: TOKEN } }
routes:
  - name: managed
    match: { host: 127.0.0.1, port: ${port}, path: /managed }
    credential: vendor
    idempotency: { replay: {} }
  - name: api
    match: { host: 127.0.0.1, port: ${port} }
    classify: [{ when: { json: /error }, as: error }]
    idempotency: { replay: { body_max: 512B, scope: [X-Tenant] } }
`

const keyOf = (end: string): string => `${end.padEnd(8, '-')}${CANARY}-key-of-it`

type Scene = {
  readonly home: Home
  readonly live: LiveDaemon
  /** A request with a secret in every place. @param body in place of the first one */
  readonly ask: (end: string, body?: string) => Promise<Answer>
}

async function scene(t: Test, store: string): Promise<Scene> {
  const upstream = await startUpstream(({ path }: Seen, socket) => {
    const given = ENDS[/^\/(\w+)/.exec(path)?.[1] ?? '']
    if (given === undefined) socket.destroy()
    return given
  })
  t.teardown(() => upstream.close())
  const home = makeHome(t, routes(upstream.port, store))
  const env = { ...home.env, TOKEN: MANAGED }
  const live = await startLive(t, { ...home, env }, 'off')
  const ask = (end: string, body = `{"card":"${CANARY}-card"}`) =>
    request(live.port, `${upstream.url}/${end}?token=${CANARY}-query`, {
      method: 'POST',
      body,
      fields: [
        'Content-Type: application/json',
        `Idempotency-Key: ${keyOf(end)}`,
        `Authorization: Basic ${Buffer.from(`ann:${CANARY}-password`).toString('base64')}`,
        `Proxy-Authorization: Bearer ${CANARY}-proxy`,
        `Cookie: session=${CANARY}-cookie`,
        `X-Api-Key: ${CANARY}-api-key`,
        `X-Tenant: ${TENANT}`,
        `PAYMENT-SIGNATURE: ${CANARY}-payment`,
        `X-PAYMENT: ${CANARY}-payment-v1`,
      ],
    })
  return { home: { ...home, env }, live, ask }
}

/** Each end twice, and once with another body. */
async function askAll(t: Test, { ask }: Scene): Promise<void> {
  const statuses: Record<string, readonly number[]> = {}
  for (const end of Object.keys(ENDS)) {
    const answers = [await ask(end), await ask(end), await ask(end, `{"other":"${CANARY}-body"}`)]
    statuses[end] = answers.map(({ status }) => status)
  }
  t.match(statuses, { done: [201, 201, 422], managed: [201, 201, 422], long: [200, 409, 422], broken: [502, 409, 422] })
}

/** All that the operator's commands say about all keys. */
async function idemOutput({ home: { env, folder } }: Scene): Promise<string> {
  const idem = async (...words: string[]) => {
    const { stdout, stderr } = await mulligan(['idem', ...words], env, '', folder)
    return stdout + stderr
  }
  const shown = await Promise.all(['done', 'broken', 'never'].map(end => idem('show', keyOf(end))))
  const resolved = await idem('resolve', keyOf('broken'), '--executed')
  return [await idem('list'), await idem('list', '--json'), ...shown, resolved].join('\n')
}

async function provesNothingTold(t: Test, given: Scene): Promise<void> {
  const said = await idemOutput(given)
  t.match(said, /done----…/, 'the beginning of a key is shown')
  t.same(canariesIn(said), [], 'idem tells no secret')
  await given.live.stop()
  t.match(given.live.printed(), /"msg":"exchange"/)
  t.same(canariesIn(given.live.printed()), [], 'the log tells no secret')
}

test('I13: nothing secret is in the files of an embedded store, and nobody else may read them', async t => {
  const given = await scene(t, 'embedded')
  await askAll(t, given)
  const state = join(given.home.folder, 'state')
  provesNothingKept(t, state)
  await provesNothingTold(t, given)
  provesNothingKept(t, state)
  const modeOf = (...path: string[]) => (statSync(join(state, ...path)).mode & 0o777).toString(8)
  t.same([modeOf(), modeOf('store'), modeOf('install.secret')], ['700', '700', '600'])
  for (const name of readdirSync(join(state, 'store'))) t.equal(modeOf('store', name), '600', name)
})

test('I13: nothing secret is in anything that a Redis was ever told', async t => {
  if (!hasRedis(t)) return
  const redis = await startRedis(t)
  const given = await scene(t, `redis://127.0.0.1:${redis.port}/0?prefix=test:`)
  await askAll(t, given)
  await provesNothingTold(t, given)
  await redis.kill()
  provesNothingKept(t, redis.dir)
})
