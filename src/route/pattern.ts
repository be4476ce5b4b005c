/** Answers whether a path, its query cut off, fits a glob. */
export type PathTest = (path: string) => boolean

/**
 * A test for a path glob: `*` stands for any run of characters within a segment, `**` for any run at all.
 * Time is bounded by glob length times path length, because strangers write the path: no regular expression.
 */
export function compilePath(glob: string): PathTest {
  const star = glob.indexOf('*')
  if (star === -1) return path => path === glob
  const prefix = glob.slice(0, star)
  if (glob.length === star + 2 && glob.endsWith('**')) return path => path.startsWith(prefix)
  const fits = createMatcher(glob)
  return path => path.startsWith(prefix) && fits(path)
}

/** Whether a host name (lower case, no trailing dot) fits an exact name, `*.suffix` (any depth, not the suffix itself) or `*`. */
export function hostFits(pattern: string, host: string): boolean {
  if (pattern === '*') return true
  if (pattern.startsWith('*.')) return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
  return pattern === host
}

/** `*` and `**` as single characters, so that a position in the glob is a number; neither can stand in a path. */
const NARROW = '\x00'
const WIDE = '\x01'

/** Walks the path once with the set of glob positions that can be reached: there is no backtracking to exploit. */
function createMatcher(glob: string): PathTest {
  const tokens = glob.replaceAll('**', WIDE).replaceAll('*', NARROW)
  const isStar = (at: number) => tokens[at] === NARROW || tokens[at] === WIDE
  const reach = (positions: Uint8Array, at: number) => {
    // A wildcard may stand for nothing, so whoever reaches it reaches what follows.
    for (let i = at; positions[i] === 0; i++) {
      positions[i] = 1
      if (!isStar(i)) return
    }
  }
  return path => {
    let here = new Uint8Array(tokens.length + 1)
    let next = new Uint8Array(tokens.length + 1)
    reach(here, 0)
    for (let p = 0; p < path.length; p++) {
      const char = path[p]
      next.fill(0)
      for (let i = 0; i < tokens.length; i++) {
        if (here[i] === 0) continue
        if (tokens[i] === WIDE || (tokens[i] === NARROW && char !== '/')) reach(next, i)
        else if (tokens[i] === char) reach(next, i + 1)
      }
      ;[here, next] = [next, here]
    }
    return here[tokens.length] === 1
  }
}
