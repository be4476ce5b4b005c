import type { Match } from './match.js'
import { compilePath, type PathTest } from './pattern.js'

type Scheme = 'http' | 'https'
type Routed = { readonly match: Match; readonly mount: string | undefined }

/** Finds the route of a request. Hosts are given in lower case, without a trailing dot, IPv6 without brackets. */
export type RouteTable<R> = {
  /** The first route that takes the request; a query in `path` is ignored. */
  readonly find: (scheme: Scheme, host: string, port: number, method: string, path: string) => R | undefined
  /**
   * The route mounted at the start of an origin-form target, whole segments only. `rest` is what follows the mount
   * (`''`, `/x…` or `?x…`), to be put behind the upstream's base path.
   */
  readonly findMount: (target: string) => { readonly route: R; readonly rest: string } | undefined
  /** Every route that takes some request of this origin, whatever its method and path, in the order of the file. */
  readonly ofOrigin: (scheme: Scheme, host: string, port: number) => readonly R[]
}

type Entry<R> = {
  /** Place in the file: the smallest that fits wins. */
  readonly order: number
  readonly route: R
  readonly scheme: Scheme | undefined
  readonly port: number | undefined
  readonly methods: ReadonlySet<string> | undefined
  readonly fitsPath: PathTest | undefined
}

type Index<R> = {
  readonly exact: ReadonlyMap<string, readonly Entry<R>[]>
  /** Keyed by `.suffix`. */
  readonly suffix: ReadonlyMap<string, readonly Entry<R>[]>
  readonly any: readonly Entry<R>[]
}

/** Longer mounts are refused by the configuration, so the look for one ends here, however long a stranger's target is. */
export const LONGEST_MOUNT = 128

/** Compiles routes once, so that a look-up costs about a microsecond with a hundred of them. First match wins. */
export function createRouteTable<R extends Routed>(routes: readonly R[]): RouteTable<R> {
  const index = buildIndex(routes)
  const mounts = new Map(routes.flatMap(route => (route.mount === undefined ? [] : [[route.mount, route]])))
  return {
    find: (scheme, host, port, method, path) => {
      const query = path.indexOf('?')
      const bare = query === -1 ? path : path.slice(0, query)
      return first(index, host, entry => fitsOrigin(entry, scheme, port) && fitsRequest(entry, method, bare))
    },
    findMount: target => findMount(mounts, target),
    ofOrigin: (scheme, host, port) => {
      const fitting: Entry<R>[] = []
      // Refuses every entry, so that the look-up comes by all of them.
      first(index, host, entry => {
        if (fitsOrigin(entry, scheme, port)) fitting.push(entry)
        return false
      })
      return fitting.sort((a, b) => a.order - b.order).map(({ route }) => route)
    },
  }
}

function buildIndex<R extends Routed>(routes: readonly R[]): Index<R> {
  const exact = new Map<string, Entry<R>[]>()
  const suffix = new Map<string, Entry<R>[]>()
  const any: Entry<R>[] = []
  for (const [order, route] of routes.entries()) {
    const { scheme, host, port, path, methods } = route.match
    const fitsPath = path === undefined ? undefined : compilePath(path)
    const entry = { order, route, scheme, port, methods: methods && new Set(methods), fitsPath }
    if (host === '*') any.push(entry)
    else if (host.startsWith('*.')) append(suffix, host.slice(1), entry)
    else append(exact, host, entry)
  }
  return { exact, suffix, any }
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Looks at the exact name, every suffix and the catch-alls, and takes the fitting entry that stands first in the file. */
function first<R>(index: Index<R>, host: string, fits: (entry: Entry<R>) => boolean): R | undefined {
  let best = firstOf(index.exact.get(host), undefined, fits)
  if (index.suffix.size > 0) {
    // From the second character on: `*.a.b` wants at least one label in front.
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      best = firstOf(index.suffix.get(host.slice(dot)), best, fits)
    }
  }
  return firstOf(index.any, best, fits)?.route
}

function firstOf<R>(list: readonly Entry<R>[] | undefined, best: Entry<R> | undefined, fits: (e: Entry<R>) => boolean) {
  if (list === undefined) return best
  for (const entry of list) {
    if (best !== undefined && entry.order > best.order) return best
    if (fits(entry)) return entry
  }
  return best
}

function fitsOrigin<R>(entry: Entry<R>, scheme: Scheme, port: number): boolean {
  return (entry.scheme === undefined || entry.scheme === scheme) && (entry.port === undefined || entry.port === port)
}

function fitsRequest<R>(entry: Entry<R>, method: string, path: string): boolean {
  if (entry.methods !== undefined && !entry.methods.has(method)) return false
  return entry.fitsPath === undefined || entry.fitsPath(path)
}

/** Mounts never overlap (the configuration refuses that), so the first border that is a mount is the only one. */
function findMount<R>(mounts: ReadonlyMap<string, R>, target: string): { route: R; rest: string } | undefined {
  if (mounts.size === 0) return undefined
  const query = target.indexOf('?')
  const end = query === -1 ? target.length : query
  for (
    let border = target.indexOf('/', 1);
    border !== -1 && border < end && border <= LONGEST_MOUNT;
    border = target.indexOf('/', border + 1)
  ) {
    const route = mounts.get(target.slice(0, border))
    if (route !== undefined) return { route, rest: target.slice(border) }
  }
  const route = mounts.get(target.slice(0, end))
  return route === undefined ? undefined : { route, rest: target.slice(end) }
}
