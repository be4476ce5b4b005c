import { BlockList, isIP, isIPv4 } from 'node:net'
import type { ListenAddress } from './config.js'
import { type Wrong, wrong } from './wrong.js'

/** `127.0.0.1:8402`, `[::1]:0`, `localhost:8402` or `unix:/path`. Port 0 takes any free port. */
export function parseListenAddress(text: string): ListenAddress | Wrong {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length))
  if (/^\d+$/.test(text)) return wrong(`${text} is a port without an address, did you mean "127.0.0.1:${text}"?`)
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text)
  if (parts === null) return wrong(`"${text}" is not an address; write HOST:PORT, [IPV6]:PORT or unix:/path`)
  const port = Number(parts[3])
  if (port > 65_535) return wrong(`port ${port} is out of range; 0 to 65535`)
  const host = parts[1] ?? parts[2] ?? ''
  if (host === '')
    return wrong(`"${text}" names no address; write 127.0.0.1:${port}, or 0.0.0.0:${port} for all of them`)
  if (parts[1] === undefined ? !isName(host) : isIP(host) !== 6)
    return wrong(`"${host}" is not a host name or IP address`)
  return { kind: 'tcp', host: host.toLowerCase(), port }
}

/** How an address is written in the file. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** For people and for clients: `http://127.0.0.1:8402`, or `unix:/path`. */
export const listenUrl = (address: ListenAddress): string =>
  address.kind === 'unix' ? formatListenAddress(address) : `http://${formatListenAddress(address)}`

/** Where a client of this machine connects: "all addresses" is where a server listens, not where anybody goes. */
export function clientAddress(address: ListenAddress): ListenAddress {
  if (address.kind === 'unix') return address
  const { host } = address
  return { ...address, host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host }
}

/** Only this machine can reach it: a loopback address, `localhost`, or a Unix socket. */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === 'unix' || address.host === 'localhost') return true
  const family = familyOf(address.host)
  return family !== 0 && loopback.check(address.host, family === 6 ? 'ipv6' : 'ipv4')
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Linux keeps 107 bytes for a socket path, macOS 103; a longer one is cut in silence by the system. */
const LONGEST_SOCKET_PATH = 103

function unixAddress(path: string): ListenAddress | Wrong {
  if (!path.startsWith('/')) return wrong('a unix address needs an absolute path: unix:/run/mulligan.sock')
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    return wrong(`a socket path has at most ${LONGEST_SOCKET_PATH} bytes`)
  return { kind: 'unix', path }
}

/** Digits and dots alone must be a real IPv4 address, or `256.0.0.1` would be looked up as a name. */
function isName(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIPv4(host)
  return /^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/i.test(host) && host.length <= 253
}

/** As `isIP` says, without its expression for IPv6, which takes 4 ms to compile, where nothing can be IPv6. */
export const familyOf = (text: string): number => (text.includes(':') ? isIP(text) : isIPv4(text) ? 4 : 0)
