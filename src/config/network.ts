import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { canonicalIpv6 } from '../http/ip-address.js'
import { LONGEST_MOUNT } from '../route/route-table.js'
import type { UpstreamBase } from './config.js'
import { parseListenAddress } from './listen-address.js'
import { kinds, text } from './scalars.js'
import { type Wrong, wrong } from './wrong.js'

export const listenAddress = () =>
  text({ expects: 'an address such as 127.0.0.1:8402 or unix:/path', type: 'address' }, parseListenAddress)

/** Addresses as a list, also when the file names only one. */
export const listenAddresses = () =>
  z.union([listenAddress().transform(one => [one]), z.array(listenAddress()).min(1).max(16)]).register(kinds, {
    expects: 'an address such as 127.0.0.1:8402, or a list of them',
    type: 'address | list of addresses',
  })

/** `10.0.0.0/8`, `fd00::/8` or a single address. */
export const cidr = () =>
  text({ expects: 'a network such as 10.0.0.0/8', type: 'network' }, value => {
    const parts = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(value)
    const family = isIP(parts?.[1] ?? '')
    const bits = family === 6 ? 128 : 32
    if (parts === null || family === 0) return wrong(`"${value}" is not a network; write 10.0.0.0/8 or fd00::/8`)
    if (Number(parts[2] ?? bits) > bits) return wrong(`/${parts[2]} is too long for "${parts[1]}"; 0 to ${bits}`)
    return parts[2] === undefined ? `${value}/${bits}` : value
  })

/** Exact name, `*.suffix` or `*`, brought to lower case and punycode. */
export const hostPattern = () =>
  text({ expects: 'a host such as api.example.com, *.example.com or *', type: 'host' }, parseHostPattern)

function parseHostPattern(value: string): string | Wrong {
  if (value === '*') return value
  if (value.includes('://'))
    return wrong(`"${value}" is a URL; write the host alone, and scheme and port as keys of match`)
  if (value.includes('/')) return wrong(`"${value}" holds a slash; the path belongs into match.path`)
  const bare = value.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const family = isIP(bare)
  if (family === 6 && bare.includes('%')) return wrong(`"${value}" holds a zone; requests cannot name one`)
  // As requests are read, so that no other spelling of an address passes the route by.
  if (family !== 0) return family === 6 ? canonicalIpv6(bare) : bare
  if (/:\d+$/.test(value)) return wrong(`"${value}" holds a port; the port belongs into match.port`)
  const suffix = bare.startsWith('*.') ? bare.slice(2) : bare
  if (suffix.includes('*')) return wrong(`"${value}": a * stands alone or as the whole first label: *.example.com`)
  const ascii = domainToASCII(suffix.replace(/\.$/, ''))
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(ascii) || ascii.length > 253) return wrong(`"${value}" is not a host name`)
  return bare === suffix ? ascii : `*.${ascii}`
}

export const pathGlob = () =>
  text({ expects: 'a path such as /v1/**', type: 'path glob' }, value => {
    if (!value.startsWith('/')) return wrong(`"${value}" does not begin with a slash; write /v1/**`)
    if (/[?#\s]/.test(value)) return wrong(`"${value}" holds a query, a fragment or a space; only the path is matched`)
    if (value.includes('***')) return wrong(`"${value}": * is any run within a segment, ** any run at all`)
    return value
  })

export const method = () =>
  text({ expects: 'a method such as GET', type: 'method' }, value =>
    /^[!#$%&'*+.^`|~\w-]{1,32}$/.test(value) ? value.toUpperCase() : wrong(`"${value}" is not a method`),
  )

/** `https://host[:port][/base]`, taken apart. */
export const upstream = () => text({ expects: 'a URL such as https://api.example.com', type: 'URL' }, parseUpstream)

function parseUpstream(value: string): UpstreamBase | Wrong {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined) return wrong(`"${value}" is not a URL; write https://api.example.com`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return wrong(`"${value}": the scheme is http or https`)
  if (url.username !== '' || url.password !== '') return wrong('credentials do not belong into a URL')
  if (/[?#]/.test(value)) return wrong(`"${value}" has a query or a fragment; scheme, host, port and base path only`)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port)
  if (port === 0) return wrong('port 0 cannot be dialled; 1 to 65535')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  return { scheme, host, port, base_path: url.pathname.replace(/\/+$/, '') }
}

export const mount = () =>
  text({ expects: 'a path prefix such as /openai', type: 'path prefix' }, value => {
    if (/^(\/[\w.~-]+)+$/.test(value) && !/\/\.{1,2}(\/|$)/.test(value)) {
      return value.length <= LONGEST_MOUNT ? value : wrong(`is longer than ${LONGEST_MOUNT} characters`)
    }
    return wrong(
      `"${value}" is not a mount; a slash, then segments of letters, digits and . _ ~ -, no slash at the end: /openai`,
    )
  })
