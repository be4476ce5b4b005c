import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Entry, listEntries } from '../../../src/ledger/entry.js'
import { embeddedStore } from '../../../src/store/embedded-store.js'
import type { Store } from '../../../src/store/store.js'
import { systemClock } from '../../../src/time/clock.js'
import { type Answer, type RequestOptions, readAnswer, request, requestBytes } from '../client.js'
import { startTestDaemon, type TestDaemon } from '../daemon.js'
import { openSecure, UPSTREAM_CERTIFICATE } from '../intercepted.js'
import { type Home, makeHome, PATIENT } from '../mulligan.js'
import { shortDir } from '../short-dir.js'
import { openShop, payer, type Shop, type ShopOptions } from './shop.js'

/** How clients reach the seller: by absolute-form over plain http, or inside a tunnel that is intercepted. */
export type Way = 'plain' | 'intercepted'
export const WAYS: readonly Way[] = ['plain', 'intercepted']

export type PayingSettings = {
  /** Lines of `limits`. */
  readonly limits?: string
  /** What signs, instead of the payer's key in `WALLET_KEY`. */
  readonly evm?: string
  /** Further lines of each route, such as `retry: off`. */
  readonly route?: readonly string[]
  /** Further members of `payment`, such as `hold: 1s`. */
  readonly payment?: string
  readonly store?: 'memory' | 'embedded'
  /** What the seller is called where it is intercepted. */
  readonly host?: string
  /** Names of routes, each for the path `/NAME`; one for everything otherwise. */
  readonly routes?: readonly string[]
}

const API = 'api.test'

const PLENTY = '{ per_request: "0.05 USDC", per_hour: "1000 USDC" }'

/** A configuration that pays at a port of this machine. @param top further lines of the file */
export function payingYaml(port: number, way: Way, settings: PayingSettings = {}, top = ''): string {
  const { limits = PLENTY, evm = '{ key: { env: WALLET_KEY } }', route = [], payment = '', store = 'memory' } = settings
  const { routes = [''], host: called = API } = settings
  const host = way === 'plain' ? `127.0.0.1, port: ${port}` : called
  const blocks = routes.map(name => {
    const lines = [
      `- name: ${name || 'shop'}`,
      `  match: { host: ${host}${name && `, path: /${name}`} }`,
      ...(way === 'plain' ? [] : [`  upstream: https://localhost:${port}`]),
      `  payment: { wallet: agent${payment && `, ${payment}`} }`,
      ...(route.some(line => line.startsWith('retry:')) ? [] : ['  retry: { backoff: { base: 10ms, cap: 20ms } }']),
      ...route.map(line => `  ${line}`),
    ]
    return lines.map(line => `  ${line}\n`).join('')
  })
  return `${top}
store: ${store}
wallets:
  agent:
    evm: ${evm}
    networks: ["eip155:84532"]
    assets: [USDC]
    limits: ${limits}
routes:
${blocks.join('')}`
}

/** One client's way to a seller through a daemon. */
type Errand = (path: string, options?: RequestOptions) => Promise<Answer>

export type PayingDaemon = {
  readonly daemon: TestDaemon
  readonly ask: Errand
  /** A connection that requests can be written to. */
  readonly open: () => Promise<Socket>
  readonly urlOf: (path: string) => string
  /** The words of the log about payments. */
  readonly words: () => readonly string[]
}

/** The daemon in this process, paying at a port of this machine. */
export async function payingDaemon(
  t: Test,
  port: number,
  way: Way = 'plain',
  settings: PayingSettings = {},
  top = '',
): Promise<PayingDaemon> {
  const roots = join(shortDir(t), 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert)
  const trust = way === 'plain' ? '' : `egress: { ca_file: ${roots} }\n`
  const env = { ...process.env, WALLET_KEY: payer.key }
  const daemon = await startTestDaemon(payingYaml(port, way, settings, trust + top), '127.0.0.1:0', env)
  t.teardown(() => daemon.close())
  const words = () => daemon.lines.filter(line => line['msg'] === 'payment').map(line => String(line['what']))
  return { daemon, words, ...errands(daemon, port, way, settings.host) }
}

function errands({ port: proxy, state }: TestDaemon, port: number, way: Way, host = API) {
  const urlOf = (path: string) => (way === 'plain' ? `http://127.0.0.1:${port}${path}` : path)
  if (way === 'plain') {
    const ask: Errand = (path, options) => request(proxy, urlOf(path), options)
    return { ask, urlOf, open: async () => connect(proxy, '127.0.0.1') }
  }
  const open = () => openSecure(proxy, `${host}:443`, { ca: readFileSync(join(state, 'ca.pem'), 'utf8') })
  const ask: Errand = async (path, options = {}) => {
    const socket = await open()
    const answer = readAnswer(socket, options.method ?? 'GET')
    socket.write(toHost(host, requestBytes(path, options)))
    const got = await answer
    socket.destroy()
    return got
  }
  return { ask, urlOf, open }
}

/** The request for another host than `localhost`. */
function toHost(host: string, bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace('\r\nHost: localhost\r\n', `\r\nHost: ${host}\r\n`), 'latin1')
}

export type PaidScene = PayingDaemon & { readonly shop: Shop }

/** A shop, and a daemon in this process that pays there. */
export async function paidScene(
  t: Test,
  way: Way = 'plain',
  { shop: given = {}, ...settings }: PayingSettings & { readonly shop?: ShopOptions } = {},
): Promise<PaidScene> {
  const shop = await openShop(t, way === 'plain' ? given : { ...given, tls: UPSTREAM_CERTIFICATE })
  return { shop, ...(await payingDaemon(t, shop.server.port, way, settings)) }
}

export type PayingHome = Home & {
  /** Directory of the state. */
  readonly state: string
}

/** For daemons that are processes of their own, all with the same wallet and ledger. @param top further lines of the file */
export function payingHome(t: Test, port: number, settings: PayingSettings = {}, top = ''): PayingHome {
  const state = join(shortDir(t), 'state')
  // A signature is work: on a machine that gives them little time they are late, and need not turn requests away for that.
  const limits = top.includes('limits:') ? '' : PATIENT
  const yaml = payingYaml(port, 'plain', { store: 'embedded', ...settings }, `${limits}${top}state: ${state}\n`)
  const { folder, env } = makeHome(t, yaml)
  return { folder, state, env: { ...env, WALLET_KEY: payer.key } }
}

export type OpenBook = { readonly store: Store; readonly entries: () => Promise<readonly Entry[]> }

/** The ledger of daemons that are other processes. */
export async function openBook(t: Test, state: string): Promise<OpenBook> {
  const store = await embeddedStore({ state, name: 'ledger', clock: systemClock })
  t.teardown(() => store.close())
  return {
    store,
    entries: async () => {
      const entries: Entry[] = []
      for await (const entry of listEntries(store, systemClock.now(), {})) entries.push(entry)
      return entries
    },
  }
}
