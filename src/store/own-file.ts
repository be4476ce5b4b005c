import { randomBytes } from 'node:crypto'
import { closeSync, constants, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A secret that we keep in a file is open to others, or somebody else put it there. The message holds the remedy. */
export class OpenToOthers extends Error {
  override readonly name = 'OpenToOthers'
}

const OTHERS = 0o077

/**
 * What we once wrote for this user alone; `undefined` when there is none. Looked at by the open file, so that nobody can
 * put another one in its place between look and read. @throws OpenToOthers, or what the system says
 */
export async function readOwnFile(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const { mode, uid } = await file.stat()
      if (process.platform !== 'win32') check(path, mode, uid)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Windows has no such modes. A directory is left to the reading, which refuses it. */
function check(path: string, mode: number, uid: number): void {
  if ((mode & constants.S_IFMT) === constants.S_IFDIR) return
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  if ((mode & OTHERS) !== 0) throw new OpenToOthers(`${path} is open to others (mode ${octal}): chmod 600 ${path}`)
  const own = process.getuid?.()
  if (own !== undefined && own !== 0 && uid !== own) throw new OpenToOthers(`${path} belongs to another user: chown it`)
}

/**
 * Makes what is not there yet, in a directory that is: whole or not at all, whenever the machine stops. Of processes that
 * do so at once one wins, and all read what it wrote. @throws what the system says
 */
export function makeOwnFile(path: string, content: string | Buffer): void {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx', flush: true })
    linkSync(draft, path)
    syncDirectory(dirname(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** What was made, renamed or removed in it is so also after a loss of power. @throws what the system says */
export function syncDirectory(path: string): void {
  // Windows opens no directories, and needs it not.
  if (process.platform === 'win32') return
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
