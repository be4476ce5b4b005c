import type { ProfileName } from './kit.js'

/** The words of a family of APIs, and what it promises beyond the others. */
export type Profile = {
  readonly name: ProfileName
  /** Where the code of an error is, by order of preference. */
  readonly errorCodes: readonly string[]
  readonly retryAfter: readonly string[]
  readonly limited: RegExp
  readonly inFlight: RegExp
  readonly conflict: RegExp
  readonly unauthorized: RegExp
  /** A failure of the server that has another status than 5xx. */
  readonly serverError: RegExp
  /** A request without a key must be refused. */
  readonly keyRequired: boolean
  /** A refusal must say when to come back. */
  readonly retryAfterRequired: boolean
  readonly ttlRequired: boolean
  /** Whether a key may stay bound to an invalid request: the valid one is then a mismatch. */
  readonly mayBindAfter4xx: boolean
  /** Whether a 5xx may become the answer of its key. */
  readonly mayStore5xx: boolean
}

const NEVER = /^(?!)/

const REST: Profile = {
  name: 'rest',
  errorCodes: ['/error/code', '/code', '/error/type', '/error', '/type'],
  retryAfter: ['/error/retry_after', '/retry_after'],
  limited: /rate.?limit|too.?many.?requests|-32029/i,
  inFlight: /in.?flight|in.?progress|key.?in.?use|concurrent/i,
  conflict: /mismatch|conflict|idempotency_error|key.?reuse|already.?used/i,
  unauthorized: /^(?:unauthori[sz]ed|invalid_token|auth_required|authentication_error|-32028)$/i,
  serverError: NEVER,
  keyRequired: false,
  retryAfterRequired: false,
  ttlRequired: false,
  mayBindAfter4xx: true,
  mayStore5xx: false,
}

/** docs.stripe.com, idempotent requests: POST only, answers of the endpoint are stored "regardless of whether it succeeds". */
const STRIPE: Profile = { ...REST, name: 'stripe', errorCodes: ['/error/code', '/error/type'], mayStore5xx: true }

/** AdCP, security, section Idempotency: rules R1 to R9. Errors come inside an HTTP 200 of MCP or JSON-RPC. */
const ADCP_MCP: Profile = {
  name: 'adcp-mcp',
  errorCodes: [
    '/result/structuredContent/adcp_error/code',
    '/result/structuredContent/error/code',
    '/error/data/adcp_error/code',
    '/error/code',
    '/result/structuredContent/errors/0/code',
    '/errors/0/code',
  ],
  retryAfter: [
    '/result/structuredContent/adcp_error/retry_after',
    '/result/structuredContent/error/retry_after',
    '/error/data/adcp_error/retry_after',
    '/error/data/retry_after',
    '/result/structuredContent/errors/0/retry_after',
    // Before it moved to the top of the error.
    '/result/structuredContent/adcp_error/details/retry_after',
  ],
  limited: /^(?:RATE_LIMITED|-32029)$/,
  inFlight: /^IDEMPOTENCY_IN_FLIGHT$/,
  conflict: /^IDEMPOTENCY_(?:CONFLICT|EXPIRED)$/,
  unauthorized: /^(?:AUTH_REQUIRED|AUTH_MISSING|AUTH_INVALID|UNAUTHORIZED|-32028)$/,
  serverError: /^(?:SERVICE_UNAVAILABLE|INTERNAL_ERROR|-32027|-32603)$/,
  keyRequired: true,
  retryAfterRequired: true,
  ttlRequired: true,
  mayBindAfter4xx: false,
  mayStore5xx: false,
}

const PROFILES: Readonly<Record<ProfileName, Profile>> = { rest: REST, stripe: STRIPE, 'adcp-mcp': ADCP_MCP }

export const profileOf = (name: ProfileName): Profile => PROFILES[name]
