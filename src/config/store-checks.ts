import type { Config } from './config.js'
import { type Finding, warningAt } from './findings.js'

/** What is allowed in `store` and yet doubtful. */
export function checkStore({ store }: Pick<Config, 'store'>): Finding[] {
  if (store.kind !== 'redis' || store.password === undefined || !('literal' in store.password)) return []
  const message = 'a secret in the file itself; write {url: URL, username: {env: NAME}, password: {env: NAME}}'
  return [{ ...warningAt(['store'], message), masked: true }]
}
