import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Sandbox } from '../../child/sandbox.js'
import { nextMessage, spawnScript } from '../../child/script-process.js'
import { keepUpstreamCertificate } from '../upstream-certificate.js'
import type { LoadOrder } from './load-process.js'
import type { SoakSettings, UpstreamOrder, UpstreamPorts } from './settings.js'
import { SECRET_VARIABLE, soakConfiguration } from './soak-configuration.js'
import type { TunnelsOrder } from './tunnels-process.js'
import { startWatchedDaemon, type WatchedDaemon } from './watched-daemon.js'

/** The processes of a soak. */
export type Scene = {
  readonly daemon: WatchedDaemon
  readonly configuration: string
  readonly ports: UpstreamPorts
  readonly upstream: ChildProcess
  readonly loader: ChildProcess
  readonly tunneler: ChildProcess
  /** What every token begins with. */
  readonly canary: string
  readonly secrets: readonly string[]
  /** The authority of intercepted hosts. */
  readonly roots: string
}

/** An upstream, two processes of clients, and the daemon between them. */
export async function openScene(sandbox: Sandbox, settings: SoakSettings): Promise<Scene> {
  const canary = `soak-token-${randomBytes(12).toString('hex')}`
  const secret = `soak-secret-${randomBytes(12).toString('hex')}`
  const { roots, certificate, key } = await keepUpstreamCertificate(sandbox.folder, '127.0.0.1')
  const order: UpstreamOrder = { seed: settings.seed, canary, secret, spoils: settings.spoils, certificate, key }
  const upstream = spawnScript(sandbox, new URL('./upstream-process.js', import.meta.url), [JSON.stringify(order)])
  const loader = spawnScript(sandbox, new URL('./load-process.js', import.meta.url))
  const tunneler = spawnScript(sandbox, new URL('./tunnels-process.js', import.meta.url))
  const [ports] = await Promise.all([nextMessage(upstream), nextMessage(loader), nextMessage(tunneler)])
  const configuration = soakConfiguration(settings, ports as UpstreamPorts, roots)
  const { NODE_OPTIONS: _, ...env } = process.env
  const secrets = [canary, secret]
  const daemon = await startWatchedDaemon(sandbox, configuration, { ...env, [SECRET_VARIABLE]: secret }, secrets)
  return {
    ...{ daemon, configuration, upstream, loader, tunneler, canary, secrets },
    ports: ports as UpstreamPorts,
    // Its state directory is the sandbox.
    roots: join(sandbox.folder, 'ca.pem'),
  }
}

/** One question, one answer. */
export function ask(child: ChildProcess, message: LoadOrder | TunnelsOrder | 'report'): Promise<unknown> {
  const answered = nextMessage(child)
  child.send(message)
  return answered
}
