import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { SignerError } from './signer.js'

const MOST_BYTES = 65_536
const OTHERS = 0o077
/** Opening a pipe that nobody writes to would otherwise take a thread for good. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * The text of a file that only its owner may read or write (P11), trimmed. Looked at by the open file, so that nobody
 * can put another one in its place between look and read.
 * @param shared lets others read it too, as a mounted secret of a container is
 * @throws SignerError
 */
export async function readPrivateFile(path: string, shared: boolean): Promise<string> {
  try {
    const file = await open(path, OPEN_FLAGS)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw new SignerError(`${path} is no regular file`)
      if (stat.size > MOST_BYTES) throw new SignerError(`${path} is longer than 64 KiB`)
      // Windows has no such modes.
      if (!shared && process.platform !== 'win32' && (stat.mode & OTHERS) !== 0)
        throw new SignerError(tooOpen(path, stat.mode))
      return (await file.readFile('utf8')).trim()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof SignerError) throw error
    throw new SignerError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`)
  }
}

function tooOpen(path: string, mode: number): string {
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  return `${path} can be read by others (mode ${octal}): chmod 600 it, or set allow_shared_file where it is mounted so`
}
