import { createHmac, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { makeOwnFile, OpenToOthers, readOwnFile } from '../store/own-file.js'
import { type Store, StoreError } from '../store/store.js'

const LENGTH = 32
const KEY = 'secret'
const PRINT = 'secret-print'
const REMEDY = 'restore it; or move it and store/claims.mdb away, and every kept key is forgotten'

/**
 * The secret of this installation, made once: without it nothing at rest tells which key it belongs to (I4). Those who
 * share a store share it: next to an embedded one in `<state>/install.secret`, in Redis as an entry of its own.
 * @throws StoreError
 */
export function installSecret(store: Store, state: string): Promise<Buffer> {
  return store.kind === 'redis' ? secretInStore(store) : secretBeside(store, join(state, 'install.secret'), state)
}

/** With another secret than its own a store would know no key again, and what it has would be sent once more. */
async function secretBeside(store: Store, path: string, folder: string): Promise<Buffer> {
  const isNew = (await store.get(PRINT)) === undefined
  const secret = await secretInFile(path, folder, isNew)
  const print = createHmac('sha256', secret).update('print').digest()
  const fits = await store.update([PRINT], ([kept]) =>
    kept === undefined
      ? { result: true, puts: [{ key: PRINT, value: print, expiresAt: Number.POSITIVE_INFINITY }] }
      : { result: kept.equals(print) },
  )
  if (fits) return secret
  throw new StoreError('broken', `${path} is not the secret that the store beside it was made with: ${REMEDY}`)
}

async function secretInStore(store: Store): Promise<Buffer> {
  const mine = randomBytes(LENGTH)
  const secret = await store.update([KEY], ([kept]) =>
    kept === undefined
      ? { result: mine, puts: [{ key: KEY, value: mine, expiresAt: Number.POSITIVE_INFINITY }] }
      : { result: kept },
  )
  if (secret.length !== LENGTH)
    throw new StoreError('broken', `the entry "${KEY}" of the store is not a secret of ours`)
  return Buffer.from(secret)
}

/** @param isNew the store has never had one */
async function secretInFile(path: string, folder: string, isNew: boolean): Promise<Buffer> {
  try {
    const kept = await readOwnFile(path)
    if (kept !== undefined) return check(path, kept)
    if (!isNew) throw new StoreError('broken', `${path} is gone: ${REMEDY}`)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    makeOwnFile(path, randomBytes(LENGTH))
    return check(path, (await readOwnFile(path)) ?? Buffer.alloc(0))
  } catch (error) {
    if (error instanceof StoreError) throw error
    if (error instanceof OpenToOthers) throw new StoreError('broken', error.message)
    throw new StoreError('broken', `cannot read or make ${path} (${codeOf(error)})`, { cause: error })
  }
}

function check(path: string, secret: Buffer): Buffer {
  if (secret.length === LENGTH) return secret
  throw new StoreError('broken', `${path} is damaged (${secret.length} bytes instead of ${LENGTH}): ${REMEDY}`)
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error'
