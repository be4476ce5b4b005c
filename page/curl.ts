import type { ExchangeDetail, RouteView } from '../src/serving/views.js'

/** Where a client reaches the daemon. */
export type Doors = {
  /** Addresses of the proxy: `http://127.0.0.1:8402`, `unix:/path`. */
  readonly proxy: readonly string[]
  /** Of the mounts, or `same`. */
  readonly mounts: string
  /** Of the admin side, without a slash at the end: it hands out the CA's certificate. */
  readonly admin: string
  readonly routes: readonly Pick<RouteView, 'name' | 'mount' | 'upstream'>[]
}

/** What stands where something was not kept, or is not told. */
export const MASK = '[redacted]'

/** curl makes these itself, or they belong to one connection (RFC 9110 §7.6.1). */
const NOT_COPIED =
  /^(?:host|content-length|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|proxy-.*)$/i

/**
 * The same request as a line for a shell, through the same door. What is masked stays visibly so, and so does a query or
 * a body, which nobody keeps: whoever runs the line puts them in.
 */
export function curlLine(exchange: ExchangeDetail, doors: Doors): string {
  const { method, mode, bytes_in, fields } = exchange
  const words = ['curl', ...doorWords(exchange, doors), ...methodWords(method, bytes_in)]
  for (const [name, value] of fields) {
    // curl then names the codings that it can undo.
    if (/^accept-encoding$/i.test(name)) words.push('--compressed')
    else if (!NOT_COPIED.test(name)) words.push('-H', quoted(value === '' ? `${name};` : `${name}: ${value}`))
  }
  if (bytes_in > 0 && mode !== 'tunnel') words.push('--data-binary', '@request-body')
  return words.join(' ')
}

function doorWords(exchange: ExchangeDetail, doors: Doors): string[] {
  const { mode, url, method, query, fields } = exchange
  const target = `${method === 'CONNECT' ? `https://${url.replace(/\/.*/, '')}/` : url}${query ? `?${MASK}` : ''}`
  // Neither dots nor brackets may be taken for more than they are.
  const exact = ['--path-as-is', '--globoff']
  if (mode === 'mount') return [...exact, ...mountWords(exchange, target, doors)]
  const ca = mode === 'intercept' ? ['--cacert', `<(curl -s ${quoted(`${doors.admin}/ca.pem`)})`] : []
  const user = fields.some(([name]) => /^proxy-authorization$/i.test(name)) ? ['--proxy-user', quoted(MASK)] : []
  return [...exact, '--proxy', quoted(proxyOf(doors)), ...user, ...ca, quoted(target)]
}

/** The upstream's address is what the record has; the client asked the mount. */
function mountWords({ route }: ExchangeDetail, target: string, doors: Doors): string[] {
  const { mount, upstream } = doors.routes.find(({ name }) => name === route) ?? {}
  const base = doors.mounts === 'same' ? proxyOf(doors) : doors.mounts
  if (mount == null || upstream == null || !target.startsWith(upstream)) return [quoted(target)]
  const path = `${mount.replace(/\/$/, '')}/${target.slice(upstream.length).replace(/^\//, '')}`
  if (!base.startsWith('unix:')) return [quoted(`${base}${path}`)]
  return ['--unix-socket', quoted(base.slice('unix:'.length)), quoted(`http://localhost${path}`)]
}

/** One that curl can name, if there is any. */
const proxyOf = ({ proxy }: Doors): string => proxy.find(address => !address.startsWith('unix:')) ?? proxy[0] ?? ''

function methodWords(method: string, bytes: number): string[] {
  if (method === 'HEAD') return ['--head']
  if (method === 'CONNECT' || (method === 'GET' && bytes === 0)) return []
  return ['-X', quoted(method)]
}

/** For a POSIX shell: nothing in it means anything. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
