import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { crowd } from '../support/crowd.js'
import { startTestDaemon } from '../support/daemon.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, type Script, startUpstream } from '../support/upstream.js'

const COUNT = 1_000

/** An API, an issuer that does what the test says, and the daemon between them. @param life of its tokens, in seconds */
async function scene(t: Test, script: Script, life: number) {
  const issuer: { calls: number; does: 'give' | 'fail' | 'hang' } = { calls: 0, does: 'give' }
  const endpoint = await startUpstream(() => {
    issuer.calls++
    if (issuer.does === 'hang') return undefined
    const body = JSON.stringify({ access_token: `token-${issuer.calls}`, token_type: 'Bearer', expires_in: life })
    return issuer.does === 'fail' ? answer(503) : answer(200, body, 'Content-Type: application/json')
  })
  const upstream = await startUpstream(script)
  const daemon = await startTestDaemon(`
credentials:
  vendor:
    source: { oauth2: { token_url: "${endpoint.url}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
routes: [{ name: api, match: { host: 127.0.0.1, port: ${upstream.port} }, credential: vendor }]
`)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
    await endpoint.close()
  })
  const ask = async () => {
    const startedAt = performance.now()
    const { status, text } = await request(daemon.port, `${upstream.url}/items`)
    return { said: `${status} ${text}`, took: performance.now() - startedAt }
  }
  return { issuer, upstream, daemon, ask }
}

const longest = (answers: readonly { readonly took: number }[]) =>
  Math.round(Math.max(...answers.map(({ took }) => took)))

/** A thousand requests with a token that the API refuses, all at the same moment: it answers none before it has all. */
async function storm(t: Test, does: 'give' | 'fail') {
  const { came, waits, ...found } = await undisturbed(() => stormed(t, does), 500, 4)
  t.equal(came, COUNT, 'each was refused once')
  t.ok(Math.max(...waits) < 1_000, 'nobody waits for a second')
  return found
}

async function stormed(t: Test, does: 'give' | 'fail') {
  let came = 0
  let refuseAll = (): void => undefined
  const allCame = new Promise<void>(resolve => {
    refuseAll = resolve
  })
  let refusedAt = 0
  const { issuer, daemon, ask } = await scene(
    t,
    async seen => {
      if (seen.number === 1) return answer(200, 'welcome')
      if (seen.header('authorization') === 'Bearer token-2') return answer(200, 'welcome back')
      if (++came === COUNT) {
        refusedAt = performance.now()
        refuseAll()
      }
      await allCame
      return answer(401, 'who?')
    },
    3_600,
  )
  t.equal((await ask()).said, '200 welcome')
  issuer.does = does
  const answers = await crowd(COUNT, COUNT, ask)
  const took = Math.round(performance.now() - refusedAt)
  const attempts = (await daemon.logged(COUNT + 1)).slice(1).map(record => record.attempts)
  const waits = attempts.flat().map(({ wait_ms }) => wait_ms)
  const calls = issuer.calls - 1
  t.comment(`${calls} calls; longest wait ${Math.round(Math.max(...waits))} ms; all answered ${took} ms after the 401s`)
  const said = new Set(answers.map(answer => answer.said))
  return { came, waits, said, why: new Set(attempts.map(([first]) => first?.why)), calls }
}

test('T3: 1,000 requests that get their 401 at once are one renewal, and all are repeated', async t => {
  const { said, why, calls } = await storm(t, 'give')
  t.strictSame([...said], ['200 welcome back'])
  t.strictSame([...why], ['token-renewed'])
  t.equal(calls, 1)
})

test('T4: while the issuer fails they are three calls, and all get the upstream’s own 401', async t => {
  const { said, why, calls } = await storm(t, 'fail')
  t.strictSame([...said], ['401 who?'])
  t.strictSame([...why], ['token-not-renewed'])
  t.ok(calls <= 3, `${calls} calls`)
})

test('T1: an issuer that hangs while the token is still good delays no request', async t => {
  // A token lives for four seconds: a machine that stands still for one of them proves nothing.
  const { issuer, daemon, answers } = await undisturbed(async () => {
    const { issuer, daemon, ask } = await scene(t, () => answer(200, 'welcome'), 4)
    t.equal((await ask()).said, '200 welcome')
    issuer.does = 'hang'
    // At half of its life its renewal begins, in the background of one of these.
    while (issuer.calls < 2) await ask()
    return { issuer, daemon, answers: await crowd(200, 50, ask) }
  }, 500)
  t.ok(
    answers.every(({ said }) => said === '200 welcome'),
    'with the token at hand',
  )
  t.equal(issuer.calls, 2, 'the renewal is under way all the time')
  t.notOk(
    daemon.lines.some(({ reason }) => reason === 'ahead'),
    'and has not ended',
  )
  const waits = daemon.exchanges().flatMap(({ attempts }) => attempts.map(({ wait_ms }) => wait_ms))
  t.equal(Math.max(...waits.slice(1)), 0, 'nobody waited for a token, but for the first')
  t.comment(`longest request ${longest(answers)} ms`)
})
