import { z } from 'zod'
import { fieldRole } from '../http/hop-by-hop.js'
import { isSecretField } from '../http/redact.js'
import type { ClassifyRule, IdempotencySettings, JsonCondition, JsonValue } from '../policy/idempotency-settings.js'
import { NEVER_STORED } from '../policy/idempotency-storage.js'
import { method } from './network.js'
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
  lowerHeaderName,
  number,
  offable,
  size,
  status,
} from './scalars.js'
import { exactlyOne } from './secrets-schema.js'

/** Methods without an effect that a second time could double (RFC 9110 §9.2.1), and CONNECT, which is no request. */
const EFFECTLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'CONNECT'])

const plain = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .register(kinds, { expects: 'a text, a number, true, false or null', type: 'plain value' })

/** A condition on a JSON body, `more` beside it. */
function condition<T extends z.core.$ZodLooseShape>(more: T) {
  return z
    .strictObject({
      ...more,
      json: key('Place in the JSON body.', jsonPointer()),
      equals: key('Value that stands there; anything does when neither this nor `any` is given.', plain).optional(),
      any: key('Or several, of which one stands there.', list(plain, 1, 256)).optional(),
    })
    .superRefine(atMostOne('equals', 'any'))
}

function atMostOne(one: string, other: string) {
  return (block: object, context: z.RefinementCtx): void => {
    const { [one]: first, [other]: second } = block as Record<string, unknown>
    if (first === undefined || second === undefined) return
    context.addIssue({ code: 'custom', path: [other], message: `excludes ${one}; drop one of them` })
  }
}

type Condition = Pick<JsonCondition, 'json'> & {
  readonly equals?: JsonValue | undefined
  readonly any?: readonly JsonValue[] | undefined
}

const toCondition = ({ json, equals, any }: Condition): JsonCondition => ({
  json,
  any: equals === undefined ? (any ?? []) : [equals],
})

/** A header that a request may have beside those that frame it, route it or say who asks. */
const keyHeader = () =>
  headerName()
    .superRefine((name, context) => {
      const unfit = unfitHeader(name)
      if (unfit !== undefined) context.addIssue({ code: 'custom', message: `${name} ${unfit}` })
    })
    .register(kinds, { expects: 'a header name', type: 'header name' })

function unfitHeader(name: string): string | undefined {
  if (fieldRole(name) !== undefined) return 'is not forwarded (RFC 9110 §7.6.1)'
  const lower = name.toLowerCase()
  if (lower !== 'idempotency-key' && isSecretField(lower)) return 'carries a credential, not a key'
  return /^(via|content-.*|payment-.*|x-payment-.*)$/.test(lower) ? 'has a meaning of its own' : undefined
}

const storable = () =>
  integer(400, 499)
    .refine(code => !NEVER_STORED.has(code), {
      error: ({ input }) =>
        `${String(input)} is never stored: it says nothing about what the request did; never ${[...NEVER_STORED].join(', ')}`,
    })
    .register(kinds, { expects: 'a status', type: 'integer', range: '400 to 499' })

const replay = z.strictObject({
  ttl: key('How long a key and its answer are kept.', duration('1s', '720h').prefault('24h')),
  in_flight: key(
    'A second request while the first runs: `wait` for its answer (30s at most, then 409), or `reject` it with 409.',
    choice('wait', 'reject').default('wait'),
  ),
  body_max: key('Longer answers are passed on, and not kept.', size('0B', '256MiB').prefault('1MiB')),
  rate: key(
    'Ceiling for new keys, per route and caller; more are answered 429.',
    z
      .strictObject({
        per_second: key('Lasting rate.', number(0.01, 100_000).default(60)),
        burst: key('At once.', integer(1, 1_000_000).default(300)),
      })
      .prefault({}),
  ),
  on_uncertain: key(
    'A key whose request may have acted, with no answer to show: `resume` sends it again, `block` answers 409 until `mulligan idem resolve` or the end of `ttl`, `allow` sends it as if new (unsafe); `auto` resumes where `upstream` is other than none, else blocks.',
    choice('auto', 'resume', 'block', 'allow').default('auto'),
  ),
  fingerprint: key(
    'What makes two payloads the same: their `bytes`, or `jcs`, the JSON they stand for (RFC 8785).',
    z
      .enum(['bytes', 'jcs'])
      .register(kinds, { expects: 'one of bytes, jcs', type: 'bytes | jcs', renamed: { json: 'jcs' } })
      .default('bytes'),
  ),
  ignore: key('Places that a `jcs` fingerprint leaves out.', list(jsonPointer(), 0, 64).default([])),
  scope: key(
    'Headers that tell tenants apart, beside the credential of the request.',
    list(lowerHeaderName(), 0, 16).default([]),
  ),
  store_4xx: key('Answers that are kept although they are errors.', list(storable(), 0, 32).default([])),
  on_5xx: key(
    'A 5xx where `upstream` is none: `uncertain`, or `release` the key because the upstream changes nothing before it fails.',
    choice('uncertain', 'release').default('uncertain'),
  ),
  dialect: key(
    'What a replay says in its body: with `json_rpc` the `id` of the request that gets it, with `adcp` also `replayed: true`.',
    choice('http', 'json_rpc', 'adcp').default('http'),
  ),
})

const origin = z
  .strictObject({
    header: key('A header.', keyHeader()).optional(),
    json: key('Or a place in the JSON body.', jsonPointer()).optional(),
  })
  .superRefine(exactlyOne('header', 'json'))
  .transform(({ header, json }) => (json === undefined ? { header: header ?? '' } : { json }))

const effectful = () =>
  method()
    .refine(name => !EFFECTLESS.has(name), {
      error: ({ input }) => `${String(input)} has no effect to protect; POST, PATCH, PUT, DELETE or one of your own`,
    })
    .register(kinds, { expects: 'a method such as POST', type: 'method' })

const idempotency = z
  .strictObject({
    header: key('Header that carries the key; Idempotency-Key unless `json` is given.', keyHeader()).optional(),
    json: key('Or its place in a JSON body.', jsonPointer()).optional(),
    when: key(
      'Only requests whose JSON body meets all of these.',
      list(condition({}).transform(toCondition), 0, 16).default([]),
    ),
    methods: key('Only these methods.', list(effectful(), 1, 16).default(['POST', 'PATCH'])),
    inject: key(
      'Give a request that lacks a key a random one, or one derived (`hmac`) from what `from` names; the same on every attempt.',
      choiceOrOff('uuid4', 'uuid7', 'hmac').default('off'),
    ),
    from: key(
      'What tells one operation from another, for `hmac`: the first that the request has.',
      list(origin, 0, 8).default([]),
    ),
    upstream: key(
      'What the upstream does with a key that it has seen: `none`, `replay` the answer, `reject` the repeat, or `resume` the work. Other than none, a key makes POST and PATCH repeatable.',
      choice('none', 'replay', 'reject', 'resume').default('none'),
    ),
    replay: key("Local cache of answers, for the client's own keys.", offable(replay).prefault('off')),
  })
  .superRefine(atMostOne('header', 'json'))
  .superRefine(({ inject, from, replay }, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (inject === 'hmac' && from.length === 0)
      refuse(
        ['inject'],
        'hmac needs from: a header or a place in the body that tells one operation from another, such as [{json: /order_id}]; a key made from all of the content would merge two equal requests that are both wanted',
      )
    if (inject !== 'hmac' && from.length > 0) refuse(['from'], 'is what an hmac key is derived from; set inject: hmac')
    if (replay !== undefined && replay.fingerprint !== 'jcs' && replay.ignore.length > 0)
      refuse(['replay', 'ignore'], 'has places in JSON, but the fingerprint is bytes; set fingerprint: jcs')
  })
  .transform(
    ({ header, json, when, methods, inject, from, upstream, replay }): IdempotencySettings => ({
      carrier:
        json === undefined ? { kind: 'header', name: header ?? 'Idempotency-Key' } : { kind: 'json', pointer: json },
      when,
      methods,
      inject: inject === 'off' ? undefined : inject,
      from,
      upstream,
      replay,
    }),
  )

const rule = z
  .strictObject({
    when: key(
      'What the answer must be.',
      condition({ status: key('One of these; any when left out.', list(status(), 0, 64).default([])) }).transform(
        block => ({ ...toCondition(block), status: block.status }),
      ),
    ),
    as: key(
      'What it then counts as: `rate_limited` a 429, `unavailable` a 503, `in_flight` an earlier request with the same key, `error` final and never stored.',
      choice('rate_limited', 'unavailable', 'in_flight', 'error'),
    ),
    retry_after: key('Place of the wait, in seconds.', jsonPointer()).optional(),
  })
  .transform(({ when, as, retry_after }) => ({ when, as, retry_after }))

/** `idempotency` of a route. */
export const offableIdempotency = offable(idempotency)

/** One entry of `classify`. */
export const classification = z
  .union([z.enum(['adcp', 'json_rpc']), rule])
  .transform((value): ClassifyRule => value)
  .register(kinds, {
    expects: 'one of adcp, json_rpc, or a block with when and as',
    type: 'adcp | json_rpc | block',
  })
