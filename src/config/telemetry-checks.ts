import { mayCarry } from '../http/cleartext.js'
import type { Config } from './config.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { clientAddress } from './listen-address.js'

const AT = ['telemetry', 'otlp']

/** Whether spans go where spans are taken, and what is doubtful about it. */
export function checkTelemetry({ telemetry, listen }: Config): Finding[] {
  const { otlp } = telemetry
  if (otlp === undefined) return []
  const url = new URL(otlp.endpoint)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const ours = [...listen.proxy, listen.admin, listen.mounts].some(address => {
    if (address === undefined || address === 'same') return false
    const at = clientAddress(address)
    return at.kind === 'tcp' && at.host === host && String(at.port) === url.port
  })
  if (ours) return [errorAt([...AT, 'endpoint'], 'is a port of mulligan itself, not of a collector')]
  const literals = Object.entries(otlp.headers)
    .filter(([, secret]) => 'literal' in secret)
    .map(([name]) => {
      const message = 'a secret in the file itself; write {env: NAME}, {file: PATH} or {exec: [program]}'
      return { ...warningAt([...AT, 'headers', name], message), masked: true }
    })
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const isOpen = Object.keys(otlp.headers).length > 0 && !mayCarry({ scheme, host, direct: true }, false)
  const plain = isOpen ? [warningAt([...AT, 'headers'], `go unencrypted to ${host}: use https`)] : []
  return [...literals, ...plain]
}
