import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import { request } from '../support/client.js'
import { startTestDaemon } from '../support/daemon.js'
import { scrapeText } from '../support/scrape.js'
import { answer, startUpstream } from '../support/upstream.js'

/** Of the machine, as Debian's package prometheus brings it. */
const found = spawnSync('promtool', ['--version']).status === 0
const skip = found ? false : 'no promtool on this machine; the package prometheus has it'

t.test('promtool finds no fault with what a daemon tells after some traffic', { skip }, async t => {
  const upstream = await startUpstream(({ number }) => (number % 2 ? answer(503) : answer(200)))
  t.teardown(() => upstream.close())
  const yaml = `routes: [{ name: a.b-c, match: { host: 127.0.0.1 }, retry: { backoff: { base: 10ms, cap: 20ms } } }]`
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', process.env, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  for (const method of ['GET', 'POST', 'PURGE']) await request(daemon.port, upstream.url, { method })
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await scrapeText(daemon) })
  t.equal(`${stdout}${stderr}`, '')
  t.equal(status, 0)
})

t.test('promtool takes the alert rules', { skip }, t => {
  const rules = fileURLToPath(new URL('examples/alerts.yaml', packageRoot()))
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', rules])
  t.equal(status, 0, `${stdout}${stderr}`)
  t.end()
})
