import type { Match } from '../route/match.js'
import type { UpstreamBase } from './config.js'

/** `GET,POST https://api.example.com:8443/v1/**`. */
export function describeMatch({ scheme, host, port, path, methods }: Match): string {
  const origin = `${scheme === undefined ? '' : `${scheme}://`}${bracketed(host)}${port === undefined ? '' : `:${port}`}`
  return `${methods === undefined ? '' : `${methods.join(',')} `}${origin}${path ?? ''}`
}

/** `https://api.example.com/base`, its port left out when it is the usual one. */
export function describeUpstream({ scheme, host, port, base_path }: UpstreamBase): string {
  const usual = scheme === 'https' ? 443 : 80
  return `${scheme}://${bracketed(host)}${port === usual ? '' : `:${port}`}${base_path}`
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
