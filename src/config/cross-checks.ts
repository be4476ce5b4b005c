import { isObject } from '../json/read.js'
import { suggest } from './did-you-mean.js'
import { errorAt, type Finding, valueAt } from './findings.js'
import { checkPayments } from './payment-checks.js'
import { checkRoutes } from './route-checks.js'
import type { ConfigFile } from './schema.js'
import { checkWallets } from './wallet-checks.js'

/** What no single key can tell: keys that need, contradict or hide one another. @param data the file as it was read. */
export function crossCheck(file: ConfigFile, data: unknown): Finding[] {
  return [...checkRoutes(file.routes), ...checkNames(file, data), ...checkWallets(file), ...checkPayments(file)]
}

/** Names are looked up in the file as it was read: a credential that is there but wrong is not also unknown. */
function checkNames(file: ConfigFile, data: unknown): Finding[] {
  const known = (section: string) => {
    const block = valueAt(data, [section])
    return isObject(block) ? Object.keys(block) : []
  }
  return file.routes.flatMap((route, index) => [
    ...checkName(['routes', index, 'credential'], route.credential, 'credential', known('credentials')),
    ...checkName(['routes', index, 'payment', 'wallet'], route.payment?.wallet, 'wallet', known('wallets')),
  ])
}

function checkName(path: PropertyKey[], name: string | undefined, what: string, known: readonly string[]): Finding[] {
  if (name === undefined || known.includes(name)) return []
  const hint = known.length === 0 ? `; ${what}s has none` : suggest(name, known)
  return [errorAt(path, `no ${what} is called "${name}"${hint}`)]
}
