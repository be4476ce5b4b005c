import { type Wrong, wrong } from './wrong.js'

/** Where a proxy is and how it is spoken to; what its URL says to log in with is kept as it was meant. */
export type ProxyUrl = {
  readonly scheme: 'http' | 'https'
  /** Lower case, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
}

/** `http://[user:password@]host[:port]`, or `https://` for TLS to the proxy. No message repeats a password. */
export function parseProxyUrl(text: string): ProxyUrl | Wrong {
  // Up to the last @, over line ends too: a password may hold what a URL cannot.
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return wrong(`"${shown}" is not a URL; write http://${shown}`)
  if (scheme.startsWith('socks')) {
    return wrong(`"${shown}" is a SOCKS proxy; only HTTP proxies can be used, write their http:// or https:// URL`)
  }
  if (scheme !== 'http' && scheme !== 'https') return wrong(`"${shown}": the scheme of a proxy is http or https`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return wrong(`"${shown}" is not a URL; write http://proxy.example:3128`)
  if (url.pathname !== '/' || /[?#]/.test(text)) return wrong(`"${shown}": a proxy has a host and a port, no path`)
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port)
  if (port === 0) return wrong('port 0 cannot be dialled; 1 to 65535')
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (username === undefined || password === undefined) return wrong('the user name or password is badly %-encoded')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  return { scheme, host, port, username: username || undefined, password: password || undefined }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
