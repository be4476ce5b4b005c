/**
 * The client connections that are served: never more than half of the files that may be open, because each may need a
 * connection to an upstream as well (T16), and the store and the log need theirs.
 */
export function mostConnections(configured: number, openFiles: number | undefined): number {
  return openFiles === undefined ? configured : Math.max(1, Math.min(configured, Math.floor(openFiles / 2)))
}
