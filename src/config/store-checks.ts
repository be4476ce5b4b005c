import type { Config } from './config.js'
import { errorAt, type Finding, warningAt } from './findings.js'

/** What is wrong in `store`, or allowed and yet doubtful. */
export function checkStore(config: Pick<Config, 'store' | 'workers' | 'routes'>): Finding[] {
  return [...checkSharing(config), ...checkPassword(config)]
}

/** A claim, or what was spent, must be known to the process that gets the next request. */
function checkSharing({ store, workers, routes }: Pick<Config, 'store' | 'workers' | 'routes'>): Finding[] {
  if (store.kind !== 'memory' || workers === 1) return []
  const needing = routes.find(({ idempotency, payment }) => idempotency !== undefined || payment !== undefined)
  if (needing === undefined) return []
  const what = `memory is one process's own, and route "${needing.name}" needs a store that ${workers} workers share`
  return [errorAt(['store'], `${what}: write store: embedded, or workers: 1`)]
}

function checkPassword({ store }: Pick<Config, 'store'>): Finding[] {
  if (store.kind !== 'redis' || store.password === undefined || !('literal' in store.password)) return []
  const message = 'a secret in the file itself; write {url: URL, username: {env: NAME}, password: {env: NAME}}'
  return [{ ...warningAt(['store'], message), masked: true }]
}
