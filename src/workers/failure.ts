import { CaError } from '../certificate/ca-error.js'
import type { SecretRef } from '../config/config.js'
import { ConfigError, type ConfigProblem } from '../config/problems.js'
import { SecretError } from '../config/secret.js'
import { BindError } from '../listener/doors.js'
import { SignerError } from '../signer/signer.js'
import { StoreError, type StoreTrouble } from '../store/store.js'

/** An error on its way to another process: whoever catches it there must still be able to tell what it is. */
export type Failure = {
  readonly name: string
  readonly message: string
  /** Of a store's. */
  readonly trouble?: StoreTrouble
  /** Of a configuration's. */
  readonly problems?: readonly ConfigProblem[]
  /** Where a secret should have come from. */
  readonly ref?: SecretRef
}

const PLAIN = { BindError, CaError, SignerError }

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message } = error
  if (error instanceof StoreError) return { name, message, trouble: error.trouble }
  if (error instanceof SecretError) return { name, message, ...(error.ref && { ref: error.ref }) }
  return error instanceof ConfigError ? { name, message, problems: error.problems } : { name, message }
}

export function revived(failure: Failure): Error {
  if (failure.trouble !== undefined) return new StoreError(failure.trouble, failure.message)
  if (failure.problems !== undefined) return new ConfigError(failure.problems)
  if (failure.name === 'SecretError') return new SecretError(failure.message, failure.ref)
  const Known = Object.hasOwn(PLAIN, failure.name) ? PLAIN[failure.name as keyof typeof PLAIN] : Error
  return new Known(failure.message)
}
