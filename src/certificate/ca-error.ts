/** The certificate authority cannot be used or kept: the message says why and what to do about it. */
export class CaError extends Error {
  override readonly name = 'CaError'
}
