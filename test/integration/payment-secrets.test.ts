import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { request } from '../support/client.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome, mulligan } from '../support/mulligan.js'
import { answer, startUpstream } from '../support/upstream.js'
import { payingHome, payingYaml } from '../support/x402/paid-scene.js'
import { isPaid, REFUSAL } from '../support/x402/scripted-seller.js'
import { payer } from '../support/x402/shop.js'

const KEY = payer.key.slice(2)

/** A seller that takes, refuses, loses and spoils payments, by the path that is asked for. */
async function oddSeller(t: Test) {
  const seller = await startUpstream((seen, socket) => {
    if (!isPaid(seen)) return REFUSAL
    const payment = seen.header('payment-signature') ?? ''
    switch (seen.path) {
      case '/lost':
        socket.destroy()
        return undefined
      case '/refused':
        return answer(402, `{"error":"bad payment ${payment}"}`)
      case '/broken':
        return answer(502, `cannot settle ${payment}`)
      case '/junk':
        return `HTTP/1.1 two hundred ${payment}\r\n\r\n`
      default:
        return answer(200, 'welcome')
    }
  })
  t.teardown(() => seller.close())
  const payments = () =>
    seller.seen.map(({ header }) => header('payment-signature')).filter(value => value !== undefined)
  return { seller, payments }
}

const PATHS = ['/good', '/lost', '/refused', '/broken', '/junk']

/** Signatures and other parts of a payment that would be enough to cash it. */
function liveParts(payment: string): string[] {
  const text = Buffer.from(payment, 'base64').toString()
  const signature = /"signature":"0x([0-9a-f]+)"/.exec(text)?.[1] ?? payment
  return [payment, payment.slice(0, 200), signature]
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())

test('P11: no key and no live payment is in any log line, answer of ours, or output of a command', async t => {
  const { seller, payments } = await oddSeller(t)
  const route = ['retry: off', 'breaker: off', 'idempotency: { upstream: none, replay: { ttl: 1h } }']
  const home = payingHome(t, seller.port, { route })
  const file = home.env['MULLIGAN_CONFIG'] ?? ''
  writeFileSync(file, `log: { level: trace }\n${readFileSync(file, 'utf8')}`)
  const daemon = await startLive(t, home)
  const said: [where: string, text: string][] = []
  for (const path of PATHS) {
    for (const fields of [[], [`Idempotency-Key: key-of-${path.slice(1)}`]]) {
      const got = await request(daemon.port, `${seller.url}${path}`, { method: 'POST', body: path, fields })
      // What the seller itself tells its client is not ours to change.
      if (path === '/good' || path === '/lost' || path === '/junk') said.push([path, `${got.head}${got.text}`])
    }
  }
  t.ok(payments().length >= 2 * PATHS.length, `${payments().length} payments to look for`)
  for (const path of ['/v1/status', '/metrics', '/readyz'])
    said.push([path, await (await fetch(`http://${daemon.admin}${path}`)).text()])
  for (const words of [['status', '--json', '--admin', daemon.admin], ['check'], ['check', '--json']]) {
    const { stdout, stderr } = await mulligan(words, home.env)
    said.push([words.join(' '), stdout + stderr])
  }
  await daemon.stop()
  for (const words of [['idem', 'list', '--json'], ['ledger', '--json'], ['ledger', '--csv'], ['ledger']]) {
    const { stdout, stderr } = await mulligan(words, home.env)
    said.push([words.join(' '), stdout + stderr])
  }
  said.push(['the log', daemon.printed()])
  const claims = filesBelow(home.state).filter(path => /claims/.test(path))
  t.ok(claims.length > 0, 'there is a store of claims')
  for (const path of claims) said.push([path, readFileSync(path, 'latin1')])
  const live = payments().flatMap(liveParts)
  for (const [where, text] of said) {
    t.notOk(text.toLowerCase().includes(KEY), `${where}: the key`)
    t.same(
      live.filter(part => text.includes(part)),
      [],
      `${where}: a payment`,
    )
  }
  for (const path of filesBelow(home.state)) {
    const bytes = readFileSync(path, 'latin1')
    t.notOk(bytes.toLowerCase().includes(KEY) || bytes.includes(Buffer.from(KEY, 'hex').toString('latin1')), path)
    if (path.includes('/store/')) t.equal(statSync(path).mode & 0o077, 0, `${path} is its owner's`)
  }
})

test('P11: a key in the wrong place, and what is none, are refused without showing them', async t => {
  const wrong = [
    `{ key: { env: "${KEY}" } }`,
    `{ key: { value: "0x${KEY}00" } }`,
    `{ private_key: "0x${KEY}" }`,
    `{ key: { env: WORDS } }`,
    `{ key: { env: SHORT } }`,
  ]
  const phrase = 'tuna tuna tuna tuna tuna tuna tuna tuna tuna tuna tuna goat'
  for (const evm of wrong) {
    const { env } = makeHome(t, payingYaml(9, 'plain', { evm }))
    const all = { ...env, WORDS: phrase, SHORT: KEY.slice(1) }
    for (const words of [['check'], ['start', '--listen', '127.0.0.1:0', '--admin', 'off']]) {
      const { code, stdout, stderr } = await mulligan(words, all)
      const text = `${stdout}${stderr}`
      if (words[0] === 'start') t.not(code, 0, evm.replace(KEY, '…'))
      t.notOk(
        text.includes(KEY.slice(1, -1)) || text.includes('tuna'),
        text.replaceAll(KEY.slice(1, -1), '[key]').slice(0, 300),
      )
    }
  }
})

test('P11: what the process says of a bug holds no key and no payment', async t => {
  const { seller, payments } = await oddSeller(t)
  const home = payingHome(t, seller.port)
  const bug = join(home.folder, 'bug.cjs')
  writeFileSync(bug, BUG)
  const env = { ...home.env, NODE_OPTIONS: `--require=${bug}` }
  const daemon = await startLive(t, { ...home, env }, 'off')
  t.equal((await request(daemon.port, `${seller.url}/good`)).status, 200)
  daemon.kill('SIGUSR2')
  const said = await daemon.said(({ msg }) => msg === 'bug in mulligan, still serving')
  t.match(JSON.stringify(said), /cannot send \[redacted\] signed by \[redacted\]/)
  t.equal((await request(daemon.port, `${seller.url}/good`)).status, 200, 'it goes on')
  await daemon.stop()
  t.equal(payments().length, 2)
  t.notOk(daemon.printed().includes(KEY), 'the key')
  t.same(
    payments()
      .flatMap(liveParts)
      .filter(part => daemon.printed().includes(part)),
    [],
  )
})

/** Throws what it knows: the key, and whatever was written to a socket that looks like a payment. */
const BUG = `
const { Socket } = require('node:net')
const { write } = Socket.prototype
let seen = ''
Socket.prototype.write = function (chunk, ...rest) {
  const payment = /PAYMENT-SIGNATURE: *([^\\r]+)/i.exec(String(chunk))
  if (payment) seen = payment[1]
  return write.call(this, chunk, ...rest)
}
process.on('SIGUSR2', () => {
  const cause = new SyntaxError('Unexpected token in ' + process.env.WALLET_KEY)
  throw new TypeError('cannot send ' + (seen || 'nothing') + ' signed by ' + process.env.WALLET_KEY, { cause })
})
`

test('P11: a route that never pays never loads the signer, and opens no ledger', async t => {
  const upstream = await startUpstream(() => REFUSAL)
  t.teardown(() => upstream.close())
  const paying = payingYaml(upstream.port, 'plain', { store: 'embedded' })
  const without = await loadedBy(t, paying.replace(/^ *payment:.*\n/m, ''), upstream.url)
  t.same(without, [], 'with a wallet, and no route that pays')
  const watching = payingYaml(upstream.port, 'plain', { store: 'embedded', evm: '{ watch: true }' })
  t.same(await loadedBy(t, watching, upstream.url), ['the ledger'], 'a wallet that watches signs nothing')
  t.same(await loadedBy(t, paying, upstream.url), ['the signer', 'the ledger'], 'the scan can find them')
})

/** Tells of each module that is loaded. */
const HOOKS = `
import { appendFileSync } from 'node:fs'
export const load = (url, context, next) => {
  appendFileSync(process.env.LOADED, url + '\\n')
  return next(url, context)
}
`

/** What of payments a daemon has loaded after one 402. */
async function loadedBy(t: Test, yaml: string, url: string): Promise<string[]> {
  const { env, folder } = makeHome(t, yaml)
  const list = join(folder, 'loaded.txt')
  writeFileSync(join(folder, 'hooks.mjs'), HOOKS)
  writeFileSync(
    join(folder, 'preload.mjs'),
    `import { register } from 'node:module'\nregister('./hooks.mjs', import.meta.url)`,
  )
  const extra = { NODE_OPTIONS: `--import=${join(folder, 'preload.mjs')}`, LOADED: list, WALLET_KEY: payer.key }
  const daemon = await startLive(t, { folder, env: { ...env, ...extra } }, 'off')
  const { status } = await request(daemon.port, `${url}/paid`)
  await daemon.stop()
  t.equal(status, 402)
  const loaded = readFileSync(list, 'utf8')
  t.match(loaded, /exchange\/exchange\.js/, 'the list is one')
  const signer = /micro-eth-signer|@noble/.test(loaded) ? ['the signer'] : []
  return /ledger\/ledger\.js/.test(loaded) ? [...signer, 'the ledger'] : signer
}
