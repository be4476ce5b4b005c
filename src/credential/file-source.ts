import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'
import { onFileChange } from './file-changes.js'
import { type Fetched, type Source, SourceError } from './source.js'
import { asFetched, decodeText, MOST_BYTES } from './token-text.js'

const POLL_EVERY = seconds(60)

/** Opening a pipe that nobody writes to would otherwise take a thread for good. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * A token in a file, such as a projected Kubernetes service account token (T7). An empty file is one that is being
 * written: what it held before stays. No failure is permanent, because the file may come.
 * @param pollEvery how often a file is looked at that sends no events
 */
export function fileSource(path: string, clock: Clock, pollEvery: Millis = POLL_EVERY): Source {
  const origin = `file ${path}`
  let kept: Fetched | undefined
  // What the last answer was: a token, nothing after a failure, `undefined` before the first question.
  let given: string | undefined
  const read = async (): Promise<Fetched> => {
    const text = decodeText(await contents(path), origin)
    const now = clock.now()
    if (text.trim() !== '') return asFetched(text, undefined, now, origin)
    if (kept !== undefined && (kept.expiresAt ?? Number.POSITIVE_INFINITY) > now) return kept
    throw new SourceError(`${origin} is empty`, false)
  }
  const fetch = async (signal: AbortSignal): Promise<Fetched> => {
    try {
      kept = await unlessAborted(read(), signal, origin)
      given = kept.token
      return kept
    } catch (error) {
      given = ''
      throw error
    }
  }
  const watch = (changed: () => void): Cancel => {
    let ended = false
    const look = async () => {
      const token = await read().then(
        found => found.token,
        () => undefined,
      )
      if (ended || given === undefined || token === undefined || token === given) return
      given = token
      changed()
    }
    const end = onFileChange(path, clock, pollEvery, () => void look())
    return () => {
      ended = true
      end()
    }
  }
  return { description: origin, fetch, watch }
}

/** @throws SourceError when there is no such regular file, it is too long, or cannot be read */
async function contents(path: string): Promise<Buffer> {
  try {
    const file = await open(path, OPEN_FLAGS)
    try {
      if (!(await file.stat()).isFile()) throw new SourceError(`${path} is no regular file`, false)
      const buffer = Buffer.alloc(MOST_BYTES + 1)
      let length = 0
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = (await file.read(buffer, length, buffer.length - length)).bytesRead
      }
      if (length > MOST_BYTES) throw new SourceError(`${path} is longer than 64 KiB`, false)
      return buffer.subarray(0, length)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof SourceError) throw error
    throw new SourceError(`cannot read ${path}: ${readError(error)}`, false)
  }
}

function readError(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return `permission denied (${code})`
  return code ?? 'unknown error'
}

/** A file system that does not answer cannot be called off, but nobody has to wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, origin: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new SourceError(`${origin} could not be read in time`, false))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
