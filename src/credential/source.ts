import type { Millis } from '../time/units.js'

/** What a source gave. */
export type Fetched = {
  readonly token: string
  /** Unix milliseconds; `undefined` when the source does not say. */
  readonly expiresAt: number | undefined
}

/** Where the tokens of one credential come from. */
export type Source = {
  /** For logs and status, such as `oauth2 client_credentials at https://id.example/token`: never a secret. */
  readonly description: string
  /**
   * Asks for a token now. @param refused the value that an upstream refused of one who waits for this call; it may come while
   * the call runs @throws SourceError, and nothing else
   */
  readonly fetch: (signal: AbortSignal, refused?: () => string | undefined) => Promise<Fetched>
  /** Tells when the source would give something else than before, such as a file that was replaced. @returns ends that */
  readonly watch?: (changed: () => void) => () => void
}

/** No token could be had. The message says why, in words that hold nothing of any token or answer body. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  /** Asking again changes nothing until somebody does something (RFC 6749 §5.2 `invalid_grant`, for one). */
  readonly permanent: boolean
  /** As the source said it (RFC 9110 §10.2.3). */
  readonly retryAfter: Millis | undefined

  constructor(message: string, permanent: boolean, retryAfter?: Millis) {
    super(message)
    this.permanent = permanent
    this.retryAfter = retryAfter
  }
}
