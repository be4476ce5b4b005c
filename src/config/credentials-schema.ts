import { z } from 'zod'
import { type Carrier, type Injection, unfitCarrier } from '../http/injection.js'
import { choice, duration, headerName, key, kinds, words, yesNo } from './scalars.js'
import { exactlyOne } from './secrets-schema.js'
import { source } from './sources-schema.js'

/** Some servers take a token as a password without a user. */
const userName = () => z.string().register(kinds, { expects: 'a user name, which may be empty', type: 'text' })

const when = z
  .union([
    choice('always', 'absent'),
    z.strictObject({
      placeholder: key("Only where the client's value holds this text, in its place.", words('a text')),
    }),
  ])
  .register(kinds, { expects: 'always, absent or {placeholder: TEXT}', type: 'always | absent | block' })

const inject = z
  .strictObject({
    bearer: key('`Authorization: Bearer`.', z.literal(true)).optional(),
    header: key('Or a header of this name.', headerName()).optional(),
    basic: key(
      'Or `Authorization: Basic` with this user name, the token as password.',
      z.strictObject({ username: key('User name.', userName()) }),
    ).optional(),
    query: key('Or a query parameter of this name.', words('a parameter name')).optional(),
    when: key(
      "`always` in place of the client's own (the default), `absent` only where it sent none, or where it sent a placeholder.",
      when,
    ).optional(),
    keep: key('`true` is short for `when: absent`.', yesNo()).optional(),
  })
  .superRefine(exactlyOne('bearer', 'header', 'basic', 'query'))
  .superRefine((block, context) => {
    const carrier = carrierOf(block)
    const unfit = unfitCarrier(carrier)
    if (unfit !== undefined) context.addIssue({ code: 'custom', path: [carrier.kind], message: unfit })
    const { keep, when } = block
    if (keep !== undefined && when !== undefined && keep !== (when === 'absent')) {
      const message = `${keep} contradicts when: ${typeof when === 'string' ? when : 'placeholder'}; drop one of them`
      context.addIssue({ code: 'custom', path: ['keep'], message })
    }
  })
  .transform((block): Injection => {
    return { carrier: carrierOf(block), when: block.when ?? (block.keep === true ? 'absent' : 'always') }
  })

type Place = {
  readonly header?: string | undefined
  readonly basic?: { readonly username: string } | undefined
  readonly query?: string | undefined
}

function carrierOf({ header, basic, query }: Place): Carrier {
  if (header !== undefined) return { kind: 'header', name: header }
  if (basic !== undefined) return { kind: 'basic', username: basic.username }
  return query === undefined ? { kind: 'bearer' } : { kind: 'query', name: query }
}

/** One entry of `credentials`. */
export const credential = z.strictObject({
  inject: key('Where it goes.', inject.prefault({ bearer: true })),
  source: key('Where it comes from; exactly one.', source),
  ttl: key('How long it is good when the source does not say.', duration('1s', '8760h').prefault('5m')),
  refresh_ahead: key('Renewed this long before it ends.', duration('0s', '24h').prefault('60s')),
  min_interval: key('Least time between two renewals that a 401 forces.', duration('1ms', '1h').prefault('5s')),
  on_401: key('`refresh` and repeat once, or `pass` the answer on.', choice('refresh', 'pass').default('refresh')),
  allow_cleartext: key('Send it over plain http to other machines.', yesNo().default(false)),
})
