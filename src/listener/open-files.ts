/** More than are served, at most: to be told so. */
const SURPLUS = 256

/**
 * Client connections that are served, and those that are accepted: never more than half of the files that may be open,
 * because each may need a connection to an upstream as well (T16), and the store and the log need theirs.
 */
export function connectionLimits(
  configured: number,
  openFiles: number | undefined,
): { readonly served: number; readonly accepted: number } {
  const wanted = configured + surplusOf(configured)
  const half = openFiles === undefined ? wanted : Math.max(1, Math.floor(openFiles / 2))
  const served = half >= configured ? configured : Math.max(1, half - surplusOf(half))
  return { served, accepted: Math.min(wanted, half) }
}

const surplusOf = (connections: number): number => Math.min(SURPLUS, Math.ceil(connections / 8))
