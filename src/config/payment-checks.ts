import { mayCarry } from '../http/cleartext.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { formatListenAddress, isLocal } from './listen-address.js'
import type { ConfigFile, RouteFile } from './schema.js'
import { assetsOf, chainOf, type PaymentFile, recipients, type WalletFile } from './to-wallet.js'
import { checkAmounts } from './wallet-checks.js'

/** Whether money goes where it belongs, and what is doubtful about it (P2). */
export function checkPayments(file: ConfigFile): Finding[] {
  return file.routes.flatMap((route, index) => {
    const { payment } = route
    // An unknown name is a finding of its own.
    if (payment === undefined || !Object.hasOwn(file.wallets, payment.wallet)) return []
    const wallet = file.wallets[payment.wallet]
    if (wallet === undefined) return []
    const at = (...keys: string[]): PropertyKey[] => ['routes', index, 'payment', ...keys]
    return [
      ...checkMost(payment, wallet, at),
      ...checkRecipients(payment, wallet, at),
      ...checkReach(route, payment, wallet, at),
      ...checkClients(route, file, at),
      ...checkTunnels(route, file, at),
      ...checkMemory(wallet, file, at),
    ]
  })
}

type At = (...keys: string[]) => PropertyKey[]

function checkMost({ max }: PaymentFile, wallet: WalletFile, at: At): Finding[] {
  if (max === undefined) {
    if (wallet.limits.per_request !== undefined) return []
    return [errorAt(at(), 'nothing bounds what one request may cost; set max, or per_request of the wallet')]
  }
  const chains = wallet.networks.map(chainOf).filter(chain => chain !== undefined)
  return checkAmounts(max, assetsOf(wallet, chains), at('max'), false)
}

function checkRecipients({ pay_to }: PaymentFile, wallet: WalletFile, at: At): Finding[] {
  const both = pay_to.length > 0 && wallet.pay_to.length > 0
  if (!both || recipients(pay_to, wallet.pay_to).length > 0) return []
  return [errorAt(at('pay_to'), 'none of them is in pay_to of the wallet, so nobody could be paid')]
}

function checkReach({ match, upstream }: RouteFile, payment: PaymentFile, wallet: WalletFile, at: At): Finding[] {
  const host = upstream?.host ?? match.host
  const scheme = upstream?.scheme ?? match.scheme
  const findings: Finding[] = []
  if (scheme === 'http' && !mayCarry({ scheme, host, direct: true }, payment.allow_insecure)) {
    const message = `goes to ${host} by plain http only, where nothing is paid; use https (upstream: https://…), or set allow_insecure`
    findings.push(errorAt(at(), message))
  }
  if (host === '*' && payment.pay_to.length === 0 && wallet.pay_to.length === 0) {
    const message =
      'any host that answers 402 is paid, up to the limits (match.host is *); name the host, or set pay_to'
    findings.push(warningAt(at(), message))
  }
  return findings
}

/** Whoever can connect can spend, unless a password stands before it. */
function checkClients({ mount }: RouteFile, { listen }: ConfigFile, at: At): Finding[] {
  if (listen.auth !== undefined) return []
  const mounts = listen.mounts === 'same' || mount === undefined ? [] : [listen.mounts]
  const shared = [...listen.proxy, ...mounts].filter(address => !isLocal(address))
  if (shared.length === 0) return []
  const where = shared.map(formatListenAddress).join(', ')
  return [warningAt(at(), `other machines can spend from this wallet at ${where} without a password: set listen.auth`)]
}

/** A 402 in there is never seen. */
function checkTunnels({ tls, match, mount }: RouteFile, { intercept }: ConfigFile, at: At): Finding[] {
  const untouched = tls === 'tunnel' ? 'tls: tunnel' : intercept.mode === 'off' ? 'intercept: off' : undefined
  if (untouched === undefined || match.scheme === 'http') return []
  const but = mount === undefined ? '' : ', but for its mount'
  return [warningAt(at(), `HTTPS passes untouched (${untouched}), so nothing is paid in it${but}`)]
}

/** Limits are worth as much as the memory of what was spent (P10). */
function checkMemory({ evm }: WalletFile, { store }: ConfigFile, at: At): Finding[] {
  if (store.kind !== 'memory' || evm.watch === true) return []
  const message =
    'store: memory forgets what was spent with the process, so that limits begin anew; use embedded, or Redis'
  return [warningAt(at(), message)]
}
