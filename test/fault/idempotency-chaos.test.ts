import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { requestBytes } from '../support/client.js'
import { problemOf } from '../support/client-lane.js'
import { crowd } from '../support/crowd.js'
import { JSON_TYPE, keyedScene, NO_CEILING } from '../support/keyed-scene.js'
import { seeded } from '../support/random.js'
import { answer, type Script } from '../support/upstream.js'

const KEYS = 400
const LANES = 40
/** Tries of a client with one key; two clients have each. */
const TRIES = 16

const RPC_LIMIT = '{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"slow down"}}'

/** What was done for a key, and whether an answer to it was lost or failed after that. */
type Fate = { effects: number; doubts: number; refusals: number }

/** Does what it is asked, once per key if it dedups, and then nothing that a client could rely on. */
function chaos(random: () => number, dedups: boolean) {
  const fates = new Map<string, Fate>()
  const script: Script = (seen, socket) => {
    const key = seen.header('idempotency-key') ?? ''
    const fate = fates.get(key) ?? { effects: 0, doubts: 0, refusals: 0 }
    fates.set(key, fate)
    const dice = random()
    if (dice < 0.15) {
      fate.refusals++
      if (dice < 0.05) return answer(429, '{}', JSON_TYPE)
      return dice < 0.1 ? answer(200, RPC_LIMIT, JSON_TYPE) : answer(422, '{"error":"no"}', JSON_TYPE)
    }
    if (!dedups || fate.effects === 0) fate.effects++
    const body = `{"done":"${key}"}`
    const whole = answer(201, body, JSON_TYPE)
    if (dice < 0.65) return whole
    fate.doubts++
    if (dice < 0.72) return answer(dice < 0.68 ? 500 : 504, '{}', JSON_TYPE)
    if (dice < 0.79) return void socket.resetAndDestroy()
    if (dice < 0.86) return void socket.end('HTTP/1.1 20')
    if (dice < 0.93) return void socket.write(whole.slice(0, -3), () => socket.destroy())
    if (dice < 0.98)
      return void socket.write(whole.replace(/^(.*\r\n)Content-Length: \d+/, '$1Transfer-Encoding: gone'))
    return undefined
  }
  return { script, fates }
}

async function play(t: Test, dedups: boolean, seed: number) {
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const { script, fates } = chaos(random, dedups)
  const { upstream, daemon, reusing } = await keyedScene(t, script, [
    'breaker: off',
    'cooldown: off',
    'classify: [json_rpc]',
    'timeout: { total: 5s, per_try: 2s }',
    'retry: { attempts: 2, backoff: { base: 1ms, cap: 3ms }, budget: { ratio: 1, min_per_second: 1000 } }',
    `idempotency: { upstream: ${dedups ? 'replay' : 'none'}, replay: { ${NO_CEILING} } }`,
  ])
  const keyOf = (i: number): string => `order-${i % KEYS}-abcdefgh`
  const leave = (key: string) =>
    new Promise<void>(resolve => {
      const fields = [JSON_TYPE, `Idempotency-Key: ${key}`]
      const socket = connect(daemon.port, '127.0.0.1')
      socket.on('error', () => undefined).on('close', () => resolve())
      const bytes = requestBytes(`${upstream.url}/orders`, { method: 'POST', body: '{}', fields })
      socket.write(bytes, () => (random() < 0.5 ? setImmediate(() => socket.resetAndDestroy()) : socket.destroy()))
    })
  const told = await crowd(2 * KEYS, LANES, async i => {
    const key = keyOf(i)
    for (let tries = 0; tries < TRIES; tries++) {
      if (random() < 0.2) await leave(key)
      const got = await reusing(key)
      if (got.status === 201 && !got.broken) return got.text === `{"done":"${key}"}` ? 'done' : got.text
      if (got.status === 409 && problemOf(got)['code'] === 'outcome_unknown') return 'outcome_unknown'
    }
    return 'gave up'
  })
  return { told: told.map((said, i) => ({ key: keyOf(i), said })), fates }
}

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

t.test(
  'I6, I7, I12: whatever an upstream without keys does, nothing is done twice, and what is in doubt is told so',
  async t => {
    const { told, fates } = await play(t, false, seed)
    const all = [...fates.values()]
    t.equal(all.filter(({ effects }) => effects > 1).length, 0, 'done twice')
    for (const { key, said } of told) {
      const { effects, doubts } = fates.get(key) as Fate
      // Whoever gives up was refused each time. Doubt is always allowed: on a busy machine a refusal may come too late.
      const fits = said === 'done' ? effects === 1 && doubts === 0 : said === 'outcome_unknown' || effects === 0
      if (!fits) t.fail(`${key}: ${said}, ${JSON.stringify(fates.get(key))}`)
    }
    const count = (what: string) => told.filter(({ said }) => said === what).length
    t.comment(`${count('done')} done, ${count('outcome_unknown')} in doubt, ${count('gave up')} refused each time`)
    // Of 400 keys each is done at the first word with a chance of 10 in 17: 470 clients, give or take 20.
    t.ok(count('done') > KEYS * 0.8 && count('outcome_unknown') > KEYS / 10)
  },
)

t.test(
  'I6, I7, I12: whatever an upstream does that knows its keys, each is done once, and in the end everybody is told',
  async t => {
    const { told, fates } = await play(t, true, seed + 1)
    t.equal([...fates.values()].filter(({ effects }) => effects > 1).length, 0)
    for (const { key, said } of told) if (said !== 'done') t.fail(`${key}: ${said}, ${JSON.stringify(fates.get(key))}`)
    t.ok([...fates.values()].filter(({ doubts }) => doubts > 0).length > KEYS / 5)
  },
)
