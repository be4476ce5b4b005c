import { get } from 'node:http'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { openWindow } from './browser.js'
import { type Answer, type RequestOptions, request } from './client.js'
import { startTestDaemon, type TestDaemon } from './daemon.js'
import { freePort } from './tunnel.js'
import { answer, type Script, startUpstream, type TestUpstream, thoughtOver } from './upstream.js'
import { payer } from './x402/shop.js'

export type PageScene = {
  readonly upstream: TestUpstream
  readonly daemon: TestDaemon
  /** Of the admin side, without a slash at the end. */
  readonly origin: string
  /** Through the daemon. @param url a path at the upstream, or all of it */
  readonly ask: (url: string, options?: RequestOptions) => Promise<Answer>
  /** Another daemon in the place of the first, when that is closed. */
  readonly restart: () => Promise<void>
}

type Settings = {
  /** Where something is sold; nothing is otherwise. */
  readonly shop?: number
  /** What the upstream does with paths that `UPSTREAM` does not know. */
  readonly script?: Script
}

/** An upstream with a will of its own, a daemon with a route for each policy, and somebody who gives out tokens. */
export async function openScene(
  t: Test,
  { shop, script = () => answer(200, 'ok') }: Settings = {},
): Promise<PageScene> {
  let tokens = 0
  const issuer = await startUpstream(() => {
    const body = { access_token: `token-${++tokens}`, token_type: 'Bearer', expires_in: 3_600 }
    return answer(200, JSON.stringify(body), 'Content-Type: application/json')
  })
  const upstream = await startUpstream(moody(script))
  const yaml = yamlOf(upstream.port, issuer.port, shop)
  const env = { ...process.env, WALLET_KEY: payer.key }
  // Nobody else has it while one is gone and the next is not there yet.
  const admin = `127.0.0.1:${await freePort()}`
  const start = () => startTestDaemon(yaml, '127.0.0.1:0', env, admin)
  let daemon = await start()
  t.teardown(async () => {
    await daemon.close()
    await Promise.all([upstream.close(), issuer.close()])
  })
  return {
    upstream,
    origin: `http://${admin}`,
    get daemon() {
      return daemon
    },
    ask: (url, options) => request(daemon.port, url.startsWith('/') ? `${upstream.url}${url}` : url, options),
    restart: async () => {
      daemon = await start()
    },
  }
}

/** `/orders/N` is 503 once, with a hint; `/limited/N` is 429 once; `/model/N` refuses the token once; `/missing` is missing. */
function moody(script: Script): Script {
  const seen = new Set<string>()
  const first = (key: string) => !seen.has(key) && seen.add(key) !== undefined
  return (request, socket) => {
    const { path } = request
    if (path.startsWith('/orders/') && first(path)) return answer(503, 'busy', 'Retry-After: 0')
    if (path.startsWith('/flaky/') && first(path)) return answer(502, 'bad gateway')
    if (path.startsWith('/limited/') && first(path)) return answer(429, 'slow down', 'Retry-After: 1')
    if (path.startsWith('/model/') && first(path)) return thoughtOver(refusal)
    if (path.startsWith('/down/')) return answer(500, 'broken')
    if (path.startsWith('/missing')) return answer(404, 'no such thing')
    return script(request, socket)
  }
}

const refusal = answer(401, '', 'WWW-Authenticate: Bearer error="invalid_token"')

const yamlOf = (port: number, issuer: number, shop: number | undefined): string => `
store: memory
credentials:
  vendor:
    source: { oauth2: { token_url: "http://127.0.0.1:${issuer}/token", client_id: me, client_secret: client-secret } }
    min_interval: 1ms
${
  shop === undefined
    ? ''
    : `wallets:
  agent:
    evm: { key: { env: WALLET_KEY } }
    networks: ["eip155:84532"]
    assets: [USDC]
    limits: { per_request: "0.05 USDC", per_hour: "0.04 USDC", total: "1 USDC" }
`
}routes:
  - name: orders
    match: { host: 127.0.0.1, port: ${port}, path: /orders/** }
    retry: { backoff: { base: 20ms, cap: 60ms } }
    idempotency: { upstream: replay, inject: uuid4 }
  - name: model
    match: { host: 127.0.0.1, port: ${port}, path: /model/** }
    credential: vendor
  - name: down
    match: { host: 127.0.0.1, port: ${port}, path: /down/** }
    retry: { attempts: 2, backoff: { base: 10ms, cap: 20ms } }
    breaker: { failures: 4, open: 30s }
${
  shop === undefined
    ? ''
    : `  - name: shop
    match: { host: 127.0.0.1, port: ${shop} }
    payment: { wallet: agent }
`
}  - name: evil
    match: { host: 127.0.0.1, port: ${port}, path: "/evil/<svg/onload=alert(1)>/**" }
  - name: mounted
    match: { host: mounted.test }
    upstream: http://127.0.0.1:${port}
    mount: /mounted
  - name: all
    match: { host: "*" }
    retry: { backoff: { base: 10ms, cap: 30ms } }
`

/** What the page must never do, as it happens: words that a browser would complain with, and requests that leave. */
export type Complaints = { readonly said: string[]; readonly left: string[] }

/** The page, when it has what ended before. */
export async function openPage(
  t: Test,
  { origin }: PageScene,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: Complaints }> {
  const page = await openWindow(t, options)
  const complaints: Complaints = { said: [], left: [] }
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.said.push(message.text())
  })
  page.on('pageerror', error => complaints.said.push(String(error)))
  page.on('request', sent => {
    if (!sent.url().startsWith(`${origin}/`) && !sent.url().startsWith('blob:')) complaints.left.push(sent.url())
  })
  await page.goto(`${origin}/`)
  await page.getByText('ready', { exact: true }).waitFor()
  return { page, complaints }
}

/** A GET as anybody's program makes it. */
export function getText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })
}

/** Opens the exchange of a row. Found and clicked in one breath: while the list moves, elements change rows. */
export async function clickRow(page: Page, text: string): Promise<void> {
  await page.locator('.rows .row').filter({ hasText: text }).first().waitFor()
  await page.locator('.rows').evaluate((rows, text) => {
    const row = [...rows.children].find(({ textContent }) => textContent?.includes(text))
    ;(row as { click: () => void } | undefined)?.click()
  }, text)
}
