import { z } from 'zod'
import { choice, duration, headerName, integer, jsonPointer, key, kinds, name, text, yesNo } from '../config/scalars.js'
import { exactlyOne, secret } from '../config/secrets-schema.js'
import { wrong } from '../config/wrong.js'

/** What a template may hold; `id` where something is cleaned up. */
const PLACEHOLDER = /\{\{(.*?)\}\}/g
const KNOWN = /^(?:uuid(?:#[\w-]{1,64})?|key|id)$/

/** Text with placeholders that are known. */
const template = (expects: string) =>
  text({ expects, type: 'template' }, value => {
    const bad = [...value.matchAll(PLACEHOLDER)].find(([, inner = '']) => !KNOWN.test(inner))
    return bad === undefined ? value : wrong(`"${bad[0]}" is not known; {{uuid}}, {{uuid#alias}} or {{key}}`)
  })

const path = () =>
  template('a path such as /v1/orders').refine(value => /^\/[\x21-\x7e]*$/.test(value), {
    message: 'is not a path; write it as it is sent, such as /v1/orders',
  })

const target = () =>
  text({ expects: 'an http or https URL', type: 'URL' }, value => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) return wrong(`"${value}" is not an http or https URL`)
    if (url.username || url.password) return wrong('holds a user name or a password; use credential')
    if (url.search || url.hash) return wrong('ends at its path; put the query into request.path')
    return `${url.origin}${url.pathname.replace(/\/$/, '')}`
  })

const carrier = () =>
  text({ expects: 'header:NAME or json:POINTER', type: 'carrier' }, value =>
    /^header:[!#$%&'*+.^`|~\w-]{1,128}$|^json:(?:\/(?:[^~]|~[01])*)+$/.test(value)
      ? value
      : wrong(`"${value}" is no place of a key; header:Idempotency-Key or json:/idempotency_key`),
  )

const method = () =>
  text({ expects: 'a method', type: 'method' }, value =>
    /^[A-Z]{1,20}$/.test(value) ? value : wrong(`"${value}" is not a method; write POST`),
  )

/** Anything that JSON can hold; checked for its placeholders where the kit is put together. */
const anything = () => z.json().register(kinds, { expects: 'a value', type: 'any value' })

const patch = (what: string) =>
  z.strictObject({
    pointer: key(`Where ${what} stands in the body.`, jsonPointer()),
    value: key('What it becomes.', anything()),
  })

const request = z.strictObject({
  method: key('Its method.', method().default('POST')),
  path: key('Path and query, below the path of `target`.', path()),
  headers: key('Headers; secrets belong into `credential`.', z.record(headerName(), template('a value')).default({})),
  encoding: key('How the body is written.', choice('json', 'form').default('json')),
  body: key('The body, with `{{uuid}}`, `{{uuid#alias}}` and `{{key}}`.', anything()),
})

const credential = z.strictObject({
  header: key('Header that carries it.', headerName().default('Authorization')),
  prefix: key('What stands before it.', z.string().default('Bearer ')),
  secret: key('The secret.', secret()),
})

const fault = z
  .strictObject({
    header: key(
      'A header `NAME: VALUE` that makes the request it is on fail.',
      text({ expects: 'NAME: VALUE', type: 'text' }, value =>
        /^[!#$%&'*+.^`|~\w-]+: *[\x20-\x7e]+$/.test(value)
          ? value
          : wrong(`"${value}" is not a header; write NAME: VALUE`),
      ),
    ).optional(),
    path: key('A path that is asked before, and makes the next request fail.', path()).optional(),
    method: key('With what method.', method().default('POST')),
  })
  .superRefine(exactlyOne('header', 'path'))

/** A kit file. */
export const kitSchema = z.strictObject({
  version: key('Of the format.', z.literal(1).register(kinds, { expects: '1', type: '1' }).default(1)),
  name: key('What reports call it.', name().default('idempotency')),
  target: key('Where the API is.', target()),
  sandbox: key('Says that requests do no harm there.', yesNo().default(false)),
  profile: key('The conventions it follows.', choice('rest', 'stripe', 'adcp-mcp').default('rest')),
  carrier: key('Where the key goes.', carrier().default('header:Idempotency-Key')),
  key_required: key('A request without a key is an error; the profile says so otherwise.', yesNo()).optional(),
  request: key('A request that makes one resource.', request),
  id: key('Where an answer has the id of the resource.', jsonPointer()),
  mutate: key('A change that makes it another request.', patch('what changes')),
  invalid: key('A change that makes it an error of the client.', patch('what is wrong')).optional(),
  count: key(
    'How many resources there are.',
    z.strictObject({
      path: key('What to GET.', path()),
      pointer: key('A number, or a list that is counted.', jsonPointer()),
    }),
  ).optional(),
  credential: key('Who asks.', credential).optional(),
  second_credential: key('The secret of another client.', secret()).optional(),
  fault: key('Makes one request fail with a 5xx.', fault).optional(),
  error_code: key('Where an error has its code.', jsonPointer()).optional(),
  retry_after: key('Where a refusal has its seconds, in the body.', jsonPointer()).optional(),
  cleanup: key(
    'Removes one resource, `{{id}}`.',
    z.strictObject({ method: key('Its method.', method().default('DELETE')), path: key('Its path.', path()) }),
  ).optional(),
  parallel: key('Requests at once where they race.', integer(2, 10).default(5)),
  trip: key(
    'How the rate limit is met.',
    z
      .strictObject({
        max_attempts: key('Requests at most.', integer(50, 500).default(200)),
        mode: key(
          '`sequential`, or `concurrent: N` at once.',
          z
            .union([choice('sequential'), z.strictObject({ concurrent: key('How many at once.', integer(2, 20)) })])
            .default('sequential'),
        ),
      })
      .prefault({}),
  ),
  ttl: key('How long keys are said to be good.', duration('1s', '31d')).optional(),
  ttl_probe: key('How long the check may wait to see that; left out, it does not.', duration('1ms', '32d')).optional(),
})

export type KitFile = z.output<typeof kitSchema>
