/**
 * The client connections that one of several listeners takes: together never more than half of the files that may be
 * open, because each may need a connection to an upstream as well (T16), and the store and the log need theirs.
 */
export function mostConnections(configured: number, listeners: number, openFiles: number | undefined): number {
  if (openFiles === undefined) return configured
  return Math.max(1, Math.min(configured, Math.floor(openFiles / 2 / listeners)))
}
