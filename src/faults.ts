/**
 * Every way an attempt can fail, by its RFC 9209 §2.3 error type.
 * `code` and `status` are what the client sees in the problem document; Retry safety turns on the phase, not on the name.
 */
export const FAULTS = {
  dns_timeout: { code: 'dns_failed', status: 502 },
  dns_error: { code: 'dns_failed', status: 502 },
  destination_unavailable: { code: 'connect_failed', status: 502 },
  destination_ip_prohibited: { code: 'destination_denied', status: 403 },
  destination_ip_unroutable: { code: 'connect_failed', status: 502 },
  connection_refused: { code: 'connect_failed', status: 502 },
  connection_timeout: { code: 'connect_failed', status: 502 },
  connection_limit_reached: { code: 'overloaded', status: 503 },
  tls_certificate_error: { code: 'tls_failed', status: 502 },
  tls_protocol_error: { code: 'tls_failed', status: 502 },
  connection_terminated: { code: 'reset', status: 502 },
  http_response_timeout: { code: 'deadline', status: 504 },
  http_response_incomplete: { code: 'bad_upstream_answer', status: 502 },
  http_protocol_error: { code: 'bad_upstream_answer', status: 502 },
  http_response_header_section_size: { code: 'bad_upstream_answer', status: 502 },
  http_request_denied: { code: 'destination_denied', status: 403 },
  proxy_configuration_error: { code: 'connect_failed', status: 502 },
  proxy_loop_detected: { code: 'loop', status: 508 },
} as const satisfies Record<string, { code: string; status: number }>

export type FaultName = keyof typeof FAULTS

/** Refusals by rules, ours or the next hop's: a second look gives the same answer, and none tells how the upstream is. */
export const RULED_OUT: ReadonlySet<FaultName> = new Set([
  'destination_ip_prohibited',
  'http_request_denied',
  'proxy_configuration_error',
  'proxy_loop_detected',
])

/** Requests that mulligan answers itself without an upstream's fault: the code, its status and RFC 9209 error type. */
export const REFUSALS = {
  bad_request: { status: 400, error: 'http_request_error', title: 'Malformed or ambiguous request' },
  headers_too_large: { status: 431, error: 'http_request_error', title: 'Request header section too large' },
  target_too_long: { status: 414, error: 'http_request_error', title: 'Request target too long' },
  expectation_failed: { status: 417, error: 'http_request_error', title: 'Unknown expectation' },
  not_implemented: { status: 501, error: 'http_request_error', title: 'Transfer coding not supported' },
  client_denied: { status: 403, error: 'http_request_denied', title: 'Client not allowed' },
  request_timeout: { status: 408, error: 'http_request_error', title: 'The request did not arrive in time' },
  not_a_relay: { status: 404, error: 'http_request_denied', title: 'This is a forward proxy' },
  destination_denied: { status: 403, error: 'destination_ip_prohibited', title: 'Destination denied' },
  cross_site: { status: 403, error: 'http_request_denied', title: 'Cross-site request refused' },
  proxy_auth_required: { status: 407, error: 'http_request_denied', title: 'Proxy authentication required' },
  misdirected: { status: 421, error: 'http_request_denied', title: 'Host differs from the tunnel target' },
  cooldown_full: { status: 429, error: 'connection_limit_reached', title: 'Waiting for a rate limit, queue full' },
  breaker_open: { status: 503, error: 'destination_unavailable', title: 'Upstream is failing, breaker open' },
  token_unavailable: { status: 503, error: 'proxy_internal_response', title: 'No token to send for now' },
  token_login_required: { status: 502, error: 'proxy_configuration_error', title: 'The credential needs a login' },
  key_in_flight: { status: 409, error: 'proxy_internal_response', title: 'A request with this key still runs' },
  outcome_unknown: { status: 409, error: 'proxy_internal_response', title: 'What became of this key is not known' },
  result_unavailable: { status: 409, error: 'proxy_internal_response', title: 'Done, and its answer was not kept' },
  key_reused: { status: 422, error: 'http_request_denied', title: 'The key belongs to another payload' },
  insert_rate: { status: 429, error: 'http_request_denied', title: 'Too many new idempotency keys' },
  store_unavailable: { status: 503, error: 'proxy_internal_response', title: 'The store of idempotency keys fails' },
  overloaded: { status: 503, error: 'proxy_internal_response', title: 'Too much to do' },
  draining: { status: 503, error: 'proxy_internal_response', title: 'Shutting down' },
  deadline: { status: 504, error: 'http_response_timeout', title: 'Time ran out' },
  loop: { status: 508, error: 'proxy_loop_detected', title: 'Proxy loop' },
  proxy_internal_error: { status: 500, error: 'proxy_internal_error', title: 'Bug in mulligan' },
} as const satisfies Record<string, { status: number; error: string; title: string }>

export type RefusalCode = keyof typeof REFUSALS
