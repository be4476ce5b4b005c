import { request } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Millis } from '../time/units.js'

/** TLS to a host, in a CONNECT tunnel through a proxy (RFC 9110 §9.3.6). Rejects when either end is not had in time. */
export async function tunnel(proxy: URL, host: string, port: number, timeout: Millis): Promise<TLSSocket> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const raw = await opened(proxy, authority, timeout)
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: raw, host, servername: isIP(host) === 0 ? host : '' }, () => resolve(socket))
    socket.once('error', reject)
    socket.setTimeout(timeout, () => socket.destroy(new Error('timeout')))
  })
}

/** The user of a proxy URL as a header (RFC 9110 §11.7.2); nothing when it names none. */
export function proxyAuthorization({ username, password }: URL): { 'Proxy-Authorization'?: string } {
  if (username === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

function opened(proxy: URL, authority: string, timeout: Millis): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host: proxy.hostname,
      port: proxy.port || 80,
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...proxyAuthorization(proxy) },
      agent: false,
      timeout,
    })
    asked.once('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode >= 200 && statusCode < 300) return resolve(socket)
      socket.destroy()
      reject(new Error(`the proxy answered CONNECT with ${statusCode}`))
    })
    asked.once('response', response => {
      response.destroy()
      reject(new Error(`the proxy answered CONNECT with ${response.statusCode ?? 0}`))
    })
    asked.once('timeout', () => asked.destroy(new Error('timeout')))
    asked.once('error', reject)
    asked.end()
  })
}
