import type { Match } from './match.js'
import { createEntry, createRouteList, type Entry, firstOf, type RouteList, takesOrigin } from './route-list.js'

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
  /** The first route that takes some request of this origin, whatever its method and path, and is `wanted`. */
  readonly findOfOrigin: (scheme: Scheme, host: string, port: number, wanted?: (route: R) => boolean) => R | undefined
}

type Index<R> = {
  readonly exact: ReadonlyMap<string, RouteList<R>>
  /** Keyed by `.suffix`. */
  readonly suffix: ReadonlyMap<string, RouteList<R>>
  readonly any: RouteList<R>
}

/** Takes the first fitting entry of a list, or what stands before it. */
type Picker<R> = (list: RouteList<R> | undefined, best: Entry<R> | undefined) => Entry<R> | undefined

/** Longer mounts are refused by the configuration, so the look for one ends here, however long a stranger's target is. */
export const LONGEST_MOUNT = 128

/** Compiles routes once, so that a look-up costs about as much with thousands of them as with ten. First match wins. */
export function createRouteTable<R extends Routed>(routes: readonly R[]): RouteTable<R> {
  const index = buildIndex(routes)
  const mounts = new Map(routes.flatMap(route => (route.mount === undefined ? [] : [[route.mount, route]])))
  return {
    find: (scheme, host, port, method, path) => {
      const query = path.indexOf('?')
      const asked = { scheme, port, method, path: query === -1 ? path : path.slice(0, query) }
      return first(index, host, (list, best) => firstOf(list, best, asked))
    },
    findMount: target => findMount(mounts, target),
    findOfOrigin: (scheme, host, port, wanted = () => true) =>
      first(index, host, (list, best) => {
        const found = list?.all.find(({ match, route }) => takesOrigin(match, scheme, port) && wanted(route))
        return found === undefined || (best !== undefined && best.order < found.order) ? best : found
      }),
  }
}

function buildIndex<R extends Routed>(routes: readonly R[]): Index<R> {
  const exact = new Map<string, Entry<R>[]>()
  const suffix = new Map<string, Entry<R>[]>()
  const any: Entry<R>[] = []
  for (const [order, route] of routes.entries()) {
    const { host } = route.match
    const entry = createEntry(route, order)
    if (host === '*') any.push(entry)
    else if (host.startsWith('*.')) append(suffix, host.slice(1), entry)
    else append(exact, host, entry)
  }
  return { exact: listed(exact), suffix: listed(suffix), any: createRouteList(any) }
}

const listed = <R>(map: ReadonlyMap<string, readonly Entry<R>[]>): ReadonlyMap<string, RouteList<R>> =>
  new Map([...map].map(([host, entries]) => [host, createRouteList(entries)]))

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Looks at the exact name, every suffix and the catch-alls, and takes the fitting entry that stands first in the file. */
function first<R>(index: Index<R>, host: string, pick: Picker<R>): R | undefined {
  let best = pick(index.exact.get(host), undefined)
  if (index.suffix.size > 0) {
    // From the second character on: `*.a.b` wants at least one label in front.
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      best = pick(index.suffix.get(host.slice(dot)), best)
    }
  }
  return pick(index.any, best)?.route
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
