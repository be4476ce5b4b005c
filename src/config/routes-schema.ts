import { z } from 'zod'
import { hostPattern, method, mount, pathGlob, upstream } from './network.js'
import { body, offableBreaker, offableCooldown, offableRetry, timeout } from './policies-schema.js'
import {
  choice,
  choiceOrOff,
  duration,
  headerName,
  integer,
  jsonPointer,
  key,
  kinds,
  list,
  money,
  name,
  number,
  offable,
  size,
  words,
} from './scalars.js'

const match = z.strictObject({
  scheme: key('Only requests of this scheme.', choice('http', 'https')).optional(),
  host: key('Exact name, `*.suffix` (any depth, not the suffix itself) or `*`.', hostPattern()),
  port: key('Only requests to this port.', integer(1, 65_535)).optional(),
  path: key('Glob: `*` within a segment, `**` across; the query is not matched.', pathGlob()).optional(),
  methods: key('Only these methods.', list(method(), 1, 64)).optional(),
})

const payment = z.strictObject({
  wallet: key('Wallet that pays.', name()),
  max: key('Most that one request may cost.', money()).optional(),
})

const replay = z.strictObject({
  ttl: key('How long an answer is kept.', duration('1s', '720h').prefault('24h')),
  in_flight: key(
    'A second request while the first runs: `wait` for its answer, or `reject` it.',
    choice('wait', 'reject').default('wait'),
  ),
  body_max: key('Longer answers are not kept.', size('0B', '256MiB').prefault('1MiB')),
  rate: key(
    'Ceiling for new keys.',
    z
      .strictObject({
        per_second: key('Lasting rate.', number(0.01, 100_000).default(60)),
        burst: key('At once.', integer(1, 1_000_000).default(300)),
      })
      .prefault({}),
  ),
  on_uncertain: key(
    'After a crash: `resume` sends again, `block` answers 409, `auto` asks `upstream`.',
    choice('auto', 'resume', 'block').default('auto'),
  ),
  fingerprint: key('What makes two payloads the same.', choice('bytes', 'json').default('bytes')),
})

const idempotency = z.strictObject({
  header: key('Header that carries the key; Idempotency-Key unless `json` is given.', headerName()).optional(),
  json: key('Or the place in a JSON body.', jsonPointer()).optional(),
  inject: key('Mint a key for POST and PATCH that lack one.', choiceOrOff('uuid4', 'uuid7').default('off')),
  upstream: key(
    'What the upstream does with a repeated key.',
    choice('none', 'replay', 'reject', 'resume').default('none'),
  ),
  replay: key('Local cache for keys sent by the client.', offable(replay).prefault('off')),
})

const plain = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .register(kinds, { expects: 'a text, a number, true, false or null', type: 'plain value' })

const classification = z.strictObject({
  when: key(
    'What the answer must hold.',
    z.strictObject({
      json: key('Place in the JSON body.', jsonPointer()),
      equals: key('Value that stands there.', plain),
    }),
  ),
  as: key('What it then counts as.', choice('rate_limited', 'unavailable', 'error')),
  retry_after: key('Place of the wait, in seconds.', jsonPointer()).optional(),
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
  payment: key('Pay a 402 from a wallet. Not available yet.', offable(payment)).optional(),
  idempotency: key('Keys that make a repeat harmless. Not available yet.', offable(idempotency)).optional(),
  classify: key('Errors that hide in a 200. Not available yet.', list(classification, 0, 64)).optional(),
})
