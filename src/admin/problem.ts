/** Refusals of the admin side: stable words with their status (RFC 9457). */
const CODES = {
  bad_request: [400, 'Not understood'],
  token_needed: [401, 'The admin token is needed'],
  cross_site: [403, 'Foreign host or site'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'Method not allowed'],
  conflict: [409, 'Not now'],
  body_too_large: [413, 'Too large'],
  unsupported_media_type: [415, 'Only JSON is read'],
  config_refused: [422, 'The configuration was refused'],
  fields_too_large: [431, 'Too many or too long fields'],
  internal: [500, 'A bug in mulligan'],
  refresh_failed: [502, 'No other token'],
  store_unavailable: [503, 'The store does not answer'],
  too_many_streams: [503, 'Too many streams'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>

export type ProblemCode = keyof typeof CODES

/** Thrown by whoever answers, and answered as a problem document. */
export class AdminProblem extends Error {
  override readonly name = 'AdminProblem'
  readonly code: ProblemCode
  readonly fields: Readonly<Record<string, string>>

  /** @param detail what is wrong and what to do about it @param fields of the answer, besides the usual ones */
  constructor(code: ProblemCode, detail: string, fields: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.code = code
    this.fields = fields
  }

  get status(): number {
    return CODES[this.code][0]
  }
}

/** The document, as JSON. */
export function problemText({ code, message: detail }: AdminProblem): string {
  const [status, title] = CODES[code]
  return `${JSON.stringify({ type: `urn:mulligan:admin:${code}`, title, status, detail, code })}\n`
}
