import type { FaultName, RefusalCode } from '../faults.js'

type Advice = { readonly reached: 'no' | 'maybe' | 'yes'; readonly todo: string }

/** What an operator needs to know beside the name: may the upstream have acted, and what helps. */
export const FAULT_ADVICE: Readonly<Record<FaultName, Advice>> = {
  dns_timeout: { reached: 'no', todo: 'Look at the resolver of this machine; the name was never answered.' },
  dns_error: { reached: 'no', todo: 'Check the spelling of the host and whether this machine can resolve it.' },
  destination_unavailable: {
    reached: 'no',
    todo: 'The proxy of `egress.proxy` could not get through to the host; its own log says why.',
  },
  destination_ip_prohibited: {
    reached: 'no',
    todo: 'The address is denied; see `egress.deny`, or name it in a route.',
  },
  destination_ip_unroutable: { reached: 'no', todo: 'No way to that network from here; check routes, VPN, IPv6.' },
  connection_refused: { reached: 'no', todo: 'Nothing listens on that port; check host, port and firewall.' },
  connection_timeout: {
    reached: 'no',
    todo: 'No answer to the handshake; check the firewall, or raise `timeout.connect`.',
  },
  connection_limit_reached: {
    reached: 'no',
    todo: 'This machine has no file or memory for another connection; raise its limit of open files (`ulimit -n`).',
  },
  tls_certificate_error: {
    reached: 'no',
    todo: 'The certificate is not valid for the host; never repeated. A private root belongs into `egress.ca_file`.',
  },
  tls_protocol_error: {
    reached: 'no',
    todo: 'The TLS handshake failed; is it a TLS port, and which versions does it speak?',
  },
  connection_terminated: {
    reached: 'maybe',
    todo: 'The connection ended before an answer. With `outcome: unknown`, look at the upstream before you send again.',
  },
  http_response_timeout: {
    reached: 'maybe',
    todo: 'No head in time; raise `timeout.per_try` or `total`. With `outcome: unknown`, look before you send again.',
  },
  http_response_incomplete: {
    reached: 'yes',
    todo: 'The answer broke off; the upstream, or something before it, cut it.',
  },
  http_protocol_error: { reached: 'yes', todo: 'The answer is not valid HTTP; is it an HTTP port?' },
  http_response_header_section_size: {
    reached: 'yes',
    todo: 'The header section is too long; raise `limits.header_bytes`.',
  },
  http_request_denied: {
    reached: 'no',
    todo: 'The proxy of `egress.proxy` forbids this host or port; ask who runs it, or name the host in `egress.no_proxy`.',
  },
  proxy_configuration_error: {
    reached: 'no',
    todo: 'The proxy of `egress.proxy` asks for a login (407) or opens no tunnels; check its URL, `username` and `password`.',
  },
  proxy_loop_detected: {
    reached: 'no',
    todo: 'The request came back to this proxy; check `upstream` and proxy settings.',
  },
}

/** The same for what mulligan answers by itself. Only a deadline was sent; of a key, an earlier request with it was. */
export const REFUSAL_ADVICE: Readonly<Record<RefusalCode, Advice>> = {
  bad_request: {
    reached: 'no',
    todo: 'Correct the request; the connection is closed, because its framing cannot be trusted.',
  },
  headers_too_large: { reached: 'no', todo: 'Send fewer or shorter headers, or raise `limits.header_bytes`.' },
  target_too_long: { reached: 'no', todo: 'Send a shorter URL, or raise `limits.header_bytes`.' },
  request_timeout: { reached: 'no', todo: 'Send the request without long pauses.' },
  not_a_relay: { reached: 'no', todo: 'Use it as a proxy (`http_proxy`), or give a route a `mount`.' },
  destination_denied: { reached: 'no', todo: 'See `egress.unmatched` and `egress.deny`.' },
  client_denied: {
    reached: 'no',
    todo: 'The network of the client is not listed; see `listen.allow_from` and `listen.auth`.',
  },
  expectation_failed: { reached: 'no', todo: 'Send `Expect: 100-continue`, or no `Expect` at all.' },
  not_implemented: {
    reached: 'no',
    todo: 'Send the body chunked or with a length; no other transfer coding is taken.',
  },
  cross_site: { reached: 'no', todo: 'A web page asked; use a client that is not a browser.' },
  proxy_auth_required: {
    reached: 'no',
    todo: 'Put `listen.auth` into the proxy URL: `http://user:password@host:port`.',
  },
  misdirected: { reached: 'no', todo: 'Send the request through a tunnel to its own host.' },
  cooldown_full: { reached: 'no', todo: 'Wait for `Retry-After`; raise `cooldown.queue` if waiting is wanted.' },
  breaker_open: { reached: 'no', todo: 'Wait for `Retry-After`; the upstream has been failing.' },
  token_unavailable: {
    reached: 'no',
    todo: 'No token can be had for now; the log says why. Look at the source of the credential.',
  },
  token_login_required: {
    reached: 'no',
    todo: 'The source of the credential refused for good; mend its settings, or run `mulligan login NAME`.',
  },
  key_in_flight: {
    reached: 'maybe',
    todo: 'Send it again with the same key after `Retry-After`; an earlier request with it still runs.',
  },
  outcome_unknown: {
    reached: 'maybe',
    todo: 'An earlier request with this key may have acted. Look at the upstream, then `mulligan idem resolve`; another key may act twice.',
  },
  result_unavailable: {
    reached: 'yes',
    todo: 'An earlier request with this key succeeded; look at the upstream for its result. Raise `replay.body_max` for long answers.',
  },
  key_reused: { reached: 'no', todo: 'A key is for one payload: send this one with a key of its own.' },
  insert_rate: {
    reached: 'no',
    todo: 'Send it again with the same key after `Retry-After`; raise `replay.rate` if so many operations are wanted.',
  },
  store_unavailable: {
    reached: 'no',
    todo: 'Send it again with the same key after `Retry-After`; the log says what is wrong with the store (`store`).',
  },
  overloaded: {
    reached: 'no',
    todo: 'Send it again after `Retry-After`. Raise the limit that `detail` names, or `workers`.',
  },
  draining: { reached: 'no', todo: 'Send it again after the restart.' },
  deadline: { reached: 'maybe', todo: 'Raise `timeout.total`. With `outcome: unknown`, look before you send again.' },
  loop: { reached: 'no', todo: 'Check `upstream` and the proxy settings of the upstream.' },
  proxy_internal_error: { reached: 'maybe', todo: 'Report it with the exchange id and the log record.' },
}
