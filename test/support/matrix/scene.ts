import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { UPSTREAM_CERTIFICATE } from '../intercepted.js'
import { type Home, makeHome } from '../mulligan.js'
import { payer } from '../x402/shop.js'
import { type BrokenServers, EXPIRED, startBrokenServers } from './broken-servers.js'
import { SECRET, type Stage } from './cell.js'
import { MatrixClient } from './client.js'
import { diceOf } from './dice.js'
import { keyRoute } from './key-trials.js'
import { paymentRoute, WALLET } from './payment-trials.js'
import { startScriptedOrigin } from './scripted-origin.js'
import { networkRoutes } from './settings.js'
import { startTokenEndpoint, type TokenEndpoint, tokenSettings } from './token-faults.js'
import { startWatched } from './watched-daemon.js'

export type MatrixScene = Stage & {
  readonly client: MatrixClient
  readonly broken: BrokenServers
  readonly tokens: TokenEndpoint
  readonly home: Home
  /** The configuration. */
  readonly yaml: string
}

/** The daemon as a user starts it, its origin, and servers that are broken in other ways. */
export async function matrixScene(t: Test, seed: number, seeds: number): Promise<MatrixScene> {
  const origin = await startScriptedOrigin(t)
  const broken = await startBrokenServers(t, origin.https, diceOf(seed))
  const tokens = await startTokenEndpoint(t)
  const home = makeHome(t, '')
  const roots = join(home.folder, 'roots.pem')
  writeFileSync(roots, UPSTREAM_CERTIFICATE.cert + EXPIRED.cert)
  const [credentials, tokenRoutes] = tokenSettings(tokens.url, origin.http, seeds)
  // What is kept of purchases and keys would be the heap's growth.
  const store = seeds < 10 ? 'memory' : 'embedded'
  const yaml = `store: ${store}
egress: { ca_file: ${roots} }
credentials:
${credentials}${WALLET}
routes:
${networkRoutes({ http: origin.http, https: origin.https, ...broken.ports })}${tokenRoutes}${keyRoute(origin.http)}${paymentRoute(origin.https)}`
  writeFileSync(home.env['MULLIGAN_CONFIG'] ?? '', yaml)
  const env = { ...home.env, WALLET_KEY: payer.key }
  const daemon = await startWatched(t, { ...home, env }, new RegExp(`${SECRET.source}|${payer.key}`, 'i'))
  const client = new MatrixClient(daemon.port, daemon.ca)
  t.teardown(() => client.close())
  return { daemon, origin, broken, tokens, client, home, yaml, send: errand => client.send(errand) }
}
