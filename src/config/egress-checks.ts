import type { Config, SecretRef } from './config.js'
import { type Finding, warningAt } from './findings.js'

/** What is allowed in `egress` and yet doubtful. */
export function checkEgress({ proxy, no_proxy }: Config['egress']): Finding[] {
  const findings: Finding[] = []
  if (proxy === undefined && no_proxy.length > 0) {
    findings.push(warningAt(['egress', 'no_proxy'], 'has no effect without egress.proxy'))
  }
  if (proxy !== undefined && proxy !== 'env' && isLiteral(proxy.auth?.password ?? proxy.auth?.username)) {
    const message = 'a secret in the file itself; write {url: URL, username: {env: NAME}, password: {env: NAME}}'
    findings.push({ ...warningAt(['egress', 'proxy'], message), masked: true })
  }
  return findings
}

/** Without a password the user name is the secret: that is how tokens are given to proxies. */
const isLiteral = (secret: SecretRef | undefined): boolean => secret !== undefined && 'literal' in secret
