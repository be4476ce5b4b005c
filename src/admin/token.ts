import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeOwnFile } from '../store/own-file.js'

/** In bytes. */
const TOKEN_SIZE = 32
/** What is shorter can be guessed; one that was put there by hand may be longer. */
const GOOD_TOKEN = /^[A-Za-z0-9_-]{32,512}$/
const LONGEST_FILE = 1_024

/** What allows changes. @property refused why nothing does; `undefined` when the token does */
export type AdminToken = { readonly allows: (authorization: string | undefined) => boolean; readonly refused?: string }

/** Where it is, in the directory of the state. */
export const tokenPath = (state: string): string => join(state, 'admin.token')

/**
 * The token in the state directory; made at the first start, and kept over all others. One that others can read or could
 * have put there is none: changes are off then, and reading goes on (T2).
 */
export function openToken(state: string): AdminToken {
  try {
    return { allows: comparer(readToken(tokenPath(state)) ?? makeToken(state)) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { allows: () => false, refused: code === undefined ? message : (WORDS[code] ?? code) }
  }
}

/**
 * The token as it is kept; `undefined` when there is none. @throws Error when nobody should trust it, or what reading
 * gives
 */
export function readToken(path: string): string | undefined {
  const file = opened(path)
  if (file === undefined) return undefined
  try {
    const { mode, uid, size } = fstatSync(file)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error('it is no file')
    if ((mode & 0o077) !== 0) throw new Error('others may read or write it; chmod 600, or remove it for a new one')
    if (process.getuid !== undefined && uid !== process.getuid()) throw new Error('it belongs to somebody else')
    const token = size > LONGEST_FILE ? '' : readFileSync(file, 'latin1').trim()
    if (GOOD_TOKEN.test(token)) return token
    throw new Error('it holds no token of 32 or more letters, digits, - and _; remove it for a new one')
  } finally {
    closeSync(file)
  }
}

function opened(path: string): number | undefined {
  try {
    // Not the file that somebody's link names, and no wait for who writes into a pipe.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ELOOP: 'it is a link',
  EACCES: 'it may not be read or made by this user',
  EROFS: 'the state directory cannot be written',
  ENOENT: 'the state directory is not there',
}

/** Of daemons that start at once, all have the token of the first. */
function makeToken(state: string): string {
  const path = tokenPath(state)
  mkdirSync(state, { recursive: true, mode: 0o700 })
  makeOwnFile(path, `${randomBytes(TOKEN_SIZE).toString('base64url')}\n`)
  const token = readToken(path)
  if (token === undefined) throw new Error('it was made, and is gone')
  return token
}

/** Over hashes: of one length, and what they share says nothing about the token. */
function comparer(token: string): AdminToken['allows'] {
  return authorization => {
    const given = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? '')?.[1]
    return given !== undefined && timingSafeEqual(hashOf(given), hashOf(token))
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
