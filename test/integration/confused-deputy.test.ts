import { test } from 'tap'
import { someAuthority } from '../support/authorities.js'
import { rawExchange } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scriptNames } from '../support/names.js'
import { pick, seeded } from '../support/random.js'
import { answer, startUpstream } from '../support/upstream.js'

const ROUNDS = 600

test('T6: over the wire a token goes with the Host of its route alone, to the name that was looked up', async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const names = scriptNames(t)
  const hosts = ['api.bank.test', 'bank.test', 'evil.test', 'api.bank.test.evil.test', 'xapi.bank.test', 'a.corp.test']
  const upstream = await startUpstream(() => answer(200, 'in', 'Connection: close'))
  const yaml = `
egress: { deny: [10.0.0.0/8], unmatched: pass }
credentials: { bank: { source: { env: TOKEN }, allow_cleartext: true } }
routes:
  - { name: bank, match: { host: api.bank.test }, credential: bank, retry: off, breaker: off, timeout: { connect: 50ms } }
  - { name: all, match: { host: "*" }, retry: off, breaker: off, timeout: { connect: 50ms } }`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', { ...process.env, TOKEN: 'canary-of-the-bank' })
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  let tokens = 0
  for (let i = 0; i < ROUNDS; i++) {
    for (const host of hosts) names.answer(host, ['127.0.0.1'])
    const authority = random() < 0.3 ? pick(random, hosts) : someAuthority(random).replace(/:.*$/, '')
    // Any other port would be somebody else's.
    const target = `http://${authority}:${upstream.port}/`
    const claimed = pick(random, ['api.bank.test', 'evil.test', `${authority}:${upstream.port}`])
    const before = upstream.seen.length
    const text = `GET ${target} HTTP/1.1\r\nHost: ${claimed}\r\nConnection: close\r\n\r\n`
    await rawExchange(daemon.port, Buffer.from(text, 'utf8'))
    const seen = upstream.seen[before]
    if (seen === undefined) continue
    const sent = /^Host: (.*):\d+\r$/m.exec(`${seen.head}\r\n`)?.[1] ?? ''
    const asked = hosts.filter(host => names.asked(host) > 0)
    if (hosts.includes(sent) && asked.join() !== sent) t.fail(`${target}: Host ${sent}, looked up ${asked}`)
    const hasToken = seen.head.includes('canary-of-the-bank')
    if (hasToken !== (sent === 'api.bank.test')) t.fail(`${target}: Host ${sent}, token ${hasToken}`)
    if (hasToken) tokens++
  }
  t.ok(tokens > 5 && upstream.seen.length > tokens, `${tokens} tokens in ${upstream.seen.length} requests`)
})
