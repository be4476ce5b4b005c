import { type Wrong, wrong } from './wrong.js'

/** Where a Redis is; what its URL says to log in with is kept as it was meant. */
export type StoreUrl = {
  readonly tls: boolean
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly db: number
  /** What every key begins with. */
  readonly prefix: string
  readonly username: string | undefined
  readonly password: string | undefined
}

/** `redis://[user:password@]host[:port][/db][?prefix=text]`, or `rediss://` for TLS. No message repeats a password. */
export function parseStoreUrl(text: string): StoreUrl | Wrong {
  // Up to the last @, over line ends too: a password may hold what a URL cannot.
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@')
  if (!/^rediss?:\/\//i.test(text)) return wrong(`"${shown}" is not allowed; embedded, memory, redis://… or rediss://…`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '')
    return wrong(`"${shown}" is not a URL; write redis://redis.example:6379/0`)
  const db = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1]
  if (db === undefined) return wrong(`"${shown}": after the host comes the number of the database, as in /0`)
  const other = [...url.searchParams.keys()].find(name => name !== 'prefix')
  if (other !== undefined || url.hash !== '')
    return wrong(`"${shown}": the only parameter is prefix, as in ?prefix=mulligan:`)
  if (url.port === '0') return wrong('port 0 cannot be dialled; 1 to 65535')
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (username === undefined || password === undefined) return wrong('the user name or password is badly %-encoded')
  return {
    tls: url.protocol === 'rediss:',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6_379 : Number(url.port),
    db: Number(db),
    prefix: url.searchParams.get('prefix') ?? 'mulligan:',
    username: username || undefined,
    password: password || undefined,
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
