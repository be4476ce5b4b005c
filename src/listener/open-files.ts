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
  const accepted = openFiles === undefined ? wanted : Math.max(1, Math.min(wanted, Math.floor(openFiles / 2)))
  return { served: Math.min(configured, Math.max(1, accepted - surplusOf(accepted))), accepted }
}

const surplusOf = (connections: number): number => Math.min(SURPLUS, Math.ceil(connections / 8))
