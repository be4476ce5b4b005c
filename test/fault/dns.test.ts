import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scriptNames } from '../support/names.js'
import { undisturbed } from '../support/undisturbed.js'
import { answer, startUpstream } from '../support/upstream.js'

const YAML = `
routes:
  - name: all
    match: { host: "*" }
    retry: { attempts: 3, backoff: { base: 1ms, cap: 2ms } }
    timeout: { connect: 300ms }
    breaker: off
`

async function rig(t: Test) {
  const names = scriptNames(t)
  const upstream = await startUpstream(() => answer(200, 'in'))
  const daemon = await startTestDaemon(YAML)
  t.teardown(async () => {
    await daemon.close()
    await upstream.close()
  })
  return { names, upstream, daemon }
}

test('F01: a name that nobody knows, or that the resolver fails for, reached nobody and is asked for again', async t => {
  const { names, daemon } = await rig(t)
  for (const how of ['ENOTFOUND', 'EAI_AGAIN'] as const) {
    for (const method of ['GET', 'POST']) {
      names.fail('lost.test', how)
      const body = method === 'POST' ? { body: 'order' } : {}
      const { status, text, header } = await request(daemon.port, 'http://lost.test/', { method, ...body })
      t.equal(status, 502, `${method} ${how}`)
      t.match(JSON.parse(text), { code: 'dns_failed', outcome: 'not-sent' })
      t.match(header('proxy-status'), how === 'EAI_AGAIN' ? /error=dns_timeout/ : /error=dns_error/)
      t.equal(names.asked('lost.test'), 3, 'repeated, whatever the method: nothing was sent')
    }
  }
})

test('F01: a resolver that says nothing is given up in time, and holds up nobody else', async t => {
  const { daemon, beside, meanwhile, lost } = await undisturbed(async () => {
    const { names, upstream, daemon } = await rig(t)
    names.fail('silent.test', 'silent')
    const lost = request(daemon.port, 'http://silent.test/')
    const beside = await request(daemon.port, `${upstream.url}/`)
    const meanwhile = (await daemon.logged(1)).length
    return { daemon, beside, meanwhile, lost: await lost }
  }, 250)
  t.equal(beside.text, 'in')
  t.equal(meanwhile, 1, 'the other one is still waiting')
  const { status, text } = lost
  t.equal(status, 502)
  t.match(JSON.parse(text), { code: 'dns_failed', outcome: 'not-sent' })
  t.match((await daemon.logged(2))[1]?.attempts, [
    { outcome: 'dns_timeout' },
    { outcome: 'dns_timeout' },
    { outcome: 'dns_timeout' },
  ])
})

test('F01: a name that comes back is found at the next request: no failure is remembered', async t => {
  const { names, upstream, daemon } = await rig(t)
  names.fail('back.test', 'ENOTFOUND')
  t.equal((await request(daemon.port, `http://back.test:${upstream.port}/`)).status, 502)
  names.answer('back.test', ['127.0.0.1'])
  t.equal((await request(daemon.port, `http://back.test:${upstream.port}/`)).text, 'in')
})
