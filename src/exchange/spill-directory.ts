import { mkdirSync } from 'node:fs'

/**
 * Makes the private directory for request bodies that outgrow memory. Without it only those suffer: they cannot be kept,
 * and `onFailure` is told why.
 */
export function makeSpillDirectory(path: string, onFailure: (code: string) => void): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    onFailure((error as NodeJS.ErrnoException).code ?? String(error))
  }
}
