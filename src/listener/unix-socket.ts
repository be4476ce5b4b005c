import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect } from 'node:net'

/**
 * A socket file that nobody answers on is left over from a crash: it is removed. One that answers belongs to somebody.
 * @returns whether the path is free now
 */
export async function makeWay(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return true
  const answered = await new Promise<boolean>(resolve => {
    const probe = connect(path, () => resolve(true))
    // Anything but a refusal is somebody's: too busy to answer, or not for us.
    probe.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
    probe.on('connect', () => probe.destroy())
  })
  if (!answered) rmSync(path, { force: true })
  return !answered
}

/** Only the owner may speak to a socket that has no credential. */
export const closeToOthers = (path: string): void => chmodSync(path, 0o600)
