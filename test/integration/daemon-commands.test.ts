import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { formatListenAddress } from '../../src/config/listen-address.js'
import { request } from '../support/client.js'
import { commandLine } from '../support/command-line.js'
import { startTestDaemon } from '../support/daemon.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome, mulligan } from '../support/mulligan.js'
import { shortDir } from '../support/short-dir.js'
import { answer, startUpstream } from '../support/upstream.js'

const MEMORY = `store: memory
wallets:
  agent:
    evm: { key: { env: WALLET_KEY } }
    networks: [base]
    assets: [USDC]
    limits: { per_request: 0.10 USDC, per_day: 5 USDC }
routes:
  - name: orders
    match: { host: 127.0.0.1 }
    retry: { attempts: 1 }
    idempotency: { replay: { ttl: 1h, on_uncertain: block } }
    payment: { wallet: agent }
`
const ENV = { ...process.env, WALLET_KEY: `0x${'11'.repeat(32)}` }

/** A daemon with its admin side, and commands of a shell beside it. */
async function scene(t: Test, yaml: string) {
  const daemon = await startTestDaemon(yaml, '127.0.0.1:0', ENV, '127.0.0.1:0')
  t.teardown(() => daemon.close())
  const folder = shortDir(t)
  const { admin } = daemon.daemon
  const where = admin === undefined ? 'off' : formatListenAddress(admin)
  writeFileSync(join(folder, 'mulligan.yaml'), yaml)
  const run = (line: string, state = daemon.state) =>
    commandLine(folder, [...line.split(' '), '--admin', where, '--state', state])
  return { daemon, run, folder, where }
}

test('store: memory is no wall: idem and ledger ask the daemon, and idem resolve has it decide', async t => {
  const upstream = await startUpstream(({ number }, socket) => (number === 1 ? void socket.destroy() : answer(201)))
  t.teardown(() => upstream.close())
  const { daemon, run } = await scene(t, MEMORY)
  const post = () =>
    request(daemon.port, `${upstream.url}/orders`, {
      method: 'POST',
      fields: ['Idempotency-Key: order-0123456789'],
      body: 'x',
    })
  t.equal((await post()).status, 502)
  const listed = await run('idem list --json')
  t.equal(listed.code, 0, listed.err)
  const [claim] = JSON.parse(listed.out) as { ref: string; state: string; key: string }[]
  t.match(claim, { state: 'uncertain', key: 'order-01', route: 'orders' })
  const ref = claim?.ref ?? ''
  t.match(await run('idem list --uncertain'), { code: 0, out: new RegExp(`${ref} +uncertain`) })
  t.match(await run(`idem show ${ref.slice(0, 6)}`), { code: 0, out: /uncertain: it may have been done/ })
  t.match(await run('idem show order-0123456789'), { code: 1, err: /no such key or ref.*name it by its ref/ })
  t.match(await run(`idem resolve ${ref} --not-executed`), { code: 0, out: `${ref} was not executed. The key is free` })
  t.equal((await post()).status, 201, 'its key is free')
  t.match(await run(`idem resolve ${ref} --executed`), { code: 1, err: /nothing to resolve/ })
  const ledger = await run('ledger')
  t.equal(ledger.code, 0, ledger.err)
  t.match(ledger.out, /^No payments\.\n\nwallet +limit +spent +of\nagent +per_day +0 USDC +5 USDC\n$/)
  const json = await run('ledger --json --since 24h')
  t.match(JSON.parse(json.out), { payments: [], totals: [], limits: [{ wallet: 'agent', window: 'day', spent: '0' }] })
})

test('a daemon with another state directory is not asked: what it knows is not meant', async t => {
  const { run, folder } = await scene(t, MEMORY)
  const other = join(folder, 'other')
  t.match(await run('ledger', other), {
    code: 3,
    err: /store: memory keeps the ledger in the daemon, and the daemon on http:.* has another state directory/,
  })
  writeFileSync(join(folder, 'mulligan.yaml'), MEMORY.replace('store: memory', 'store: embedded'))
  t.match(await run('ledger'), { code: 0, out: 'No payments.\n', err: '' }, 'another store: read where it is')
  t.match(await run('idem list', other), { code: 0, out: 'No keys.\n' })
})

test('ca rotate has the running daemon take the new authority over, ca show says which it vouches with', async t => {
  const home = makeHome(t, 'state: state\nroutes: [{ name: a, match: { host: api.a.test } }]\n')
  const daemon = await startLive(t, home)
  const ca = (...words: string[]) => mulligan(['ca', ...words, '--admin', daemon.admin], home.env, '', home.folder)
  t.match((await ca('show')).stdout, /daemon +vouches with it\n/)
  const rotated = await ca('rotate')
  t.match(rotated, { code: 0, stdout: /The running daemon has taken it over\.\nNo client should trust the old/ })
  t.match(JSON.parse((await ca('show', '--json')).stdout), { served: 'this' })
  const broken = join(home.folder, 'mulligan.yaml')
  const file = join(home.folder, 'good.yaml')
  writeFileSync(file, 'state: state\nroutes: [{ name: a, match: { host: api.a.test } }]\n')
  writeFileSync(broken, 'routes: 5\n')
  const refused = await ca('rotate', '-c', file)
  t.match(refused, { code: 0, stdout: /goes on with the old one until .*mulligan\.yaml:1:9: routes/ })
  t.match((await ca('show', '-c', file)).stdout, /daemon +vouches with another: reload it/)
  await daemon.stop()
  t.match((await ca('rotate', '-c', file)).stdout, /Restart or reload \(SIGHUP\) a running daemon/)
})
