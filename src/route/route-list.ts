import type { Match } from './match.js'
import { compilePath, type PathTest } from './pattern.js'

/** What a look-up knows of a request besides its host. @property path without its query */
export type Asked = {
  readonly scheme: 'http' | 'https'
  readonly port: number
  readonly method: string
  readonly path: string
}

export type Entry<R> = {
  /** Place in the file: the smallest that fits wins. */
  readonly order: number
  readonly route: R
  readonly match: Match
  readonly methods: ReadonlySet<string> | undefined
  readonly fitsPath: PathTest | undefined
}

/** Routes of one host pattern, in the order of the file. */
export type RouteList<R> = {
  readonly all: readonly Entry<R>[]
  /** Those that cannot be told apart by anything that a request must have to fit. */
  readonly plain: readonly Entry<R>[]
  readonly drawers: readonly Drawer<R>[]
}

/** Routes by one trait of the requests that they take. */
type Drawer<R> = { readonly trait: Trait; readonly lists: ReadonlyMap<string | number, readonly Entry<R>[]> }

/** Something that every request a route takes has in common: `whole` path, its first or last characters, a segment. */
type Trait =
  | { readonly kind: 'whole' | 'port' | 'method'; readonly at: 0 }
  | { readonly kind: 'segment' | 'head' | 'tail'; readonly at: number }

/** A trait, and which a request must have: any one of them. */
type Claim = { readonly trait: Trait; readonly values: readonly (string | number)[] }

/** So few are looked at one by one. */
const FEW = 8

export function createEntry<R extends { readonly match: Match }>(route: R, order: number): Entry<R> {
  const { match } = route
  const fitsPath = match.path === undefined ? undefined : compilePath(match.path)
  return { order, route, match, methods: match.methods && new Set(match.methods), fitsPath }
}

/**
 * Many routes are told apart by a trait of which few others want the same, so that a look-up does not go through all.
 * What it finds is still tested whole: a trait only says who cannot fit.
 */
export function createRouteList<R>(all: readonly Entry<R>[]): RouteList<R> {
  if (all.length <= FEW) return { all, plain: all, drawers: [] }
  const claims = all.map(claimsOf)
  const sharing = new Map<string, number>()
  for (const claim of claims.flat()) {
    for (const name of namesOf(claim)) sharing.set(name, (sharing.get(name) ?? 0) + 1)
  }
  const plain: Entry<R>[] = []
  const drawers = new Map<string, { readonly trait: Trait; readonly lists: Map<string | number, Entry<R>[]> }>()
  for (const [i, entry] of all.entries()) {
    const best = rarest(claims[i] ?? [], sharing)
    if (best === undefined) plain.push(entry)
    else file(drawers, best, entry)
  }
  return { all, plain, drawers: [...drawers.values()] }
}

/** The first that takes a request, if it stands before `best`. */
export function firstOf<R>(list: RouteList<R> | undefined, best: Entry<R> | undefined, asked: Asked) {
  if (list === undefined) return best
  let found = firstAmong(list.plain, best, asked)
  for (const { trait, lists } of list.drawers) {
    const value = traitOf(trait, asked)
    const entries = value === undefined ? undefined : lists.get(value)
    if (entries !== undefined) found = firstAmong(entries, found, asked)
  }
  return found
}

function firstAmong<R>(entries: readonly Entry<R>[], best: Entry<R> | undefined, asked: Asked): Entry<R> | undefined {
  for (const entry of entries) {
    if (best !== undefined && entry.order > best.order) return best
    if (fits(entry, asked)) return entry
  }
  return best
}

function fits<R>({ match, methods, fitsPath }: Entry<R>, { scheme, port, method, path }: Asked): boolean {
  if (!takesOrigin(match, scheme, port)) return false
  if (methods !== undefined && !methods.has(method)) return false
  return fitsPath === undefined || fitsPath(path)
}

export const takesOrigin = (match: Match, scheme: 'http' | 'https', port: number): boolean =>
  (match.scheme === undefined || match.scheme === scheme) && (match.port === undefined || match.port === port)

/** Every trait that all requests of a route have, those first that cost a look-up least. */
function claimsOf<R>({ match: { path, port, methods } }: Entry<R>): readonly Claim[] {
  return [
    ...(path === undefined ? [] : pathClaims(path)),
    ...(port === undefined ? [] : [{ trait: { kind: 'port', at: 0 }, values: [port] } as const]),
    ...(methods === undefined ? [] : [{ trait: { kind: 'method', at: 0 }, values: methods } as const]),
  ]
}

function pathClaims(glob: string): readonly Claim[] {
  const star = glob.indexOf('*')
  if (star === -1) return [{ trait: { kind: 'whole', at: 0 }, values: [glob] }]
  // Behind `**` nobody knows which segment it is.
  const [aligned = ''] = glob.split('**', 1)
  const known = aligned.split('/')
  // It may go on where `**` stands.
  if (aligned !== glob) known.pop()
  const segments = known.flatMap((segment, at): readonly Claim[] =>
    at === 0 || segment.includes('*') ? [] : [{ trait: { kind: 'segment', at }, values: [segment] }],
  )
  const tail = glob.slice(glob.lastIndexOf('*') + 1)
  return [
    ...segments,
    { trait: { kind: 'head', at: star }, values: [glob.slice(0, star)] },
    ...(tail === '' ? [] : [{ trait: { kind: 'tail', at: tail.length }, values: [tail] } as const]),
  ]
}

function traitOf({ kind, at }: Trait, { port, method, path }: Asked): string | number | undefined {
  switch (kind) {
    case 'whole':
      return path
    case 'head':
      return path.length < at ? undefined : path.slice(0, at)
    case 'tail':
      return path.length < at ? undefined : path.slice(-at)
    case 'segment':
      return segmentOf(path, at)
    case 'port':
      return port
    case 'method':
      return method
  }
}

/** What stands between the slashes; the first segment is what stands in front of the first of them. */
function segmentOf(path: string, at: number): string | undefined {
  let from = 0
  for (let i = 0; i < at; i++) {
    from = path.indexOf('/', from) + 1
    if (from === 0) return undefined
  }
  const to = path.indexOf('/', from)
  return path.slice(from, to === -1 ? undefined : to)
}

const namesOf = ({ trait: { kind, at }, values }: Claim): readonly string[] =>
  values.map(value => `${kind} ${at} ${value}`)

function rarest(claims: readonly Claim[], sharing: ReadonlyMap<string, number>): Claim | undefined {
  let best: Claim | undefined
  let least = Number.POSITIVE_INFINITY
  for (const claim of claims) {
    const most = Math.max(...namesOf(claim).map(name => sharing.get(name) ?? 0))
    if (most < least) {
      best = claim
      least = most
    }
  }
  return best
}

function file<R>(
  drawers: Map<string, { readonly trait: Trait; readonly lists: Map<string | number, Entry<R>[]> }>,
  { trait, values }: Claim,
  entry: Entry<R>,
): void {
  const name = `${trait.kind} ${trait.at}`
  const drawer = drawers.get(name) ?? { trait, lists: new Map<string | number, Entry<R>[]>() }
  drawers.set(name, drawer)
  for (const value of new Set(values)) {
    const list = drawer.lists.get(value)
    if (list === undefined) drawer.lists.set(value, [entry])
    else list.push(entry)
  }
}
