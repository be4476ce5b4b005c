import { readFileSync } from 'node:fs'

/** How many files this process may have open; `undefined` where the system does not say, which is anywhere but on Linux. */
export function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/**
 * The client connections that one of several listeners takes: together never more than half of the files that may be
 * open, because each may need a connection to an upstream as well (T16), and the store and the log need theirs.
 */
export function mostConnections(configured: number, listeners: number, openFiles: number | undefined): number {
  if (openFiles === undefined) return configured
  return Math.max(1, Math.min(configured, Math.floor(openFiles / 2 / listeners)))
}
