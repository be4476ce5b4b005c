import { z } from 'zod'
import { classification, offableIdempotency } from './idempotency-schema.js'
import { hostPattern, method, mount, pathGlob, upstream } from './network.js'
import { offablePayment } from './payment-schema.js'
import { body, offableBreaker, offableCooldown, offableRetry, timeout } from './policies-schema.js'
import { choice, integer, key, list, name, words } from './scalars.js'

const match = z.strictObject({
  scheme: key('Only requests of this scheme.', choice('http', 'https')).optional(),
  host: key('Exact name, `*.suffix` (any depth, not the suffix itself) or `*`.', hostPattern()),
  port: key('Only requests to this port.', integer(1, 65_535)).optional(),
  path: key('Glob: `*` within a segment, `**` across; the query is not matched.', pathGlob()).optional(),
  methods: key('Only these methods.', list(method(), 1, 64)).optional(),
})

/** One entry of `routes`. */
export const route = z.strictObject({
  name: key('Unique; the label of logs and metrics.', name()),
  match: key('Which requests it takes.', match),
  upstream: key('Goes there instead; scheme, host, port and base path are replaced.', upstream()).optional(),
  mount: key('Path prefix of base-URL mode; needs `upstream`.', mount()).optional(),
  preset: key('Defaults for a known API; keys of the route win.', words('the name of a preset', 'preset')).optional(),
  tls: key(
    'CONNECT to its host: `intercept` ends TLS here so that the policies apply, `tunnel` never does; `auto` intercepts hosts that the route names (not `*`) when it has policies.',
    choice('auto', 'intercept', 'tunnel').default('auto'),
  ),
  timeout: key('Limits in time.', timeout.prefault({})),
  retry: key('When to repeat.', offableRetry.prefault({})),
  cooldown: key('Share one Retry-After between concurrent requests.', offableCooldown.prefault({})),
  breaker: key('Spare an upstream that is failing.', offableBreaker.prefault({})),
  body: key('What may be kept to repeat a request.', body.prefault({})),
  credential: key('Name of the entry of `credentials` whose token is added.', name()).optional(),
  payment: key('Pay a 402 from a wallet.', offablePayment).optional(),
  idempotency: key('Keys that make a repeat harmless.', offableIdempotency).optional(),
  classify: key(
    'Errors that hide in a 200: rules, or the known ones of `adcp` or `json_rpc`; the first that fits counts.',
    list(classification, 0, 64).default([]),
  ),
})
