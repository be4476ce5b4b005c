import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.js'
import { listenUrl } from '../config/listen-address.js'
import { effectiveJson } from '../config/shown-config.js'
import { ask, NoDaemonError, RefusedError } from './admin-client.js'

/** The daemon that keeps its things where this configuration says, or why there is none to ask. */
type DaemonHere =
  | { readonly kind: 'here' }
  | { readonly kind: 'none'; readonly reason: string }
  /** One answers, with another state directory or store: what it knows is not meant. */
  | { readonly kind: 'other'; readonly reason: string }

/** @param parts of the configuration that must be the same */
export async function daemonHere(config: Config, parts: readonly ('state' | 'store')[]): Promise<DaemonHere> {
  const { admin } = config.listen
  try {
    const { config: theirs } = await ask(admin, 'config')
    const ours: unknown = JSON.parse(JSON.stringify(effectiveJson(config)))
    const other = parts.find(part => !isDeepStrictEqual(theirs[part], (ours as typeof theirs)[part]))
    if (other === undefined) return { kind: 'here' }
    const where = admin === undefined ? '' : ` on ${listenUrl(admin)}`
    return { kind: 'other', reason: `the daemon${where} has another ${other === 'state' ? 'state directory' : other}` }
  } catch (error) {
    if (error instanceof NoDaemonError || error instanceof RefusedError) return { kind: 'none', reason: error.message }
    throw error
  }
}

/** What `store: memory` keeps, nobody else can look at. @throws NoDaemonError */
export function needDaemon({ reason }: Exclude<DaemonHere, { kind: 'here' }>, what: string): never {
  throw new NoDaemonError(`store: memory keeps ${what} in the daemon, and ${reason}`)
}
