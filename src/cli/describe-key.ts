import type { Route } from '../config/config.js'
import type { Fields } from '../http/fields.js'
import { readKey } from '../http/idempotency-key.js'
import type { IdempotencySettings } from '../policy/idempotency-settings.js'
import { classify } from '../policy/method-class.js'
import type { MethodClass } from '../policy/types.js'
import { describeCarrier, mintedAs } from './describe-idempotency.js'
import { describeSpan } from './span.js'

/** The key that a request would go out with, and what it may be worth to the retry policy (R1, I3). */
export type KeyStory = {
  /** For people; `undefined` when the route says nothing about keys. */
  readonly says: string | undefined
  readonly class: MethodClass
}

/** What is known without the body: conditions on it are taken as met, and its key as there when nothing is minted. */
export function keyStory(route: Route, method: string, fields: Fields): KeyStory {
  const { idempotency: settings } = route
  if (settings === undefined) return { says: undefined, class: classify(method, 'none') }
  const story = storyOf(route, settings, method, fields)
  const isConditional = settings.when.length > 0 && settings.methods.includes(method)
  return isConditional ? { ...story, says: `where the body meets the conditions: ${story.says}` } : story
}

function storyOf(route: Route, settings: IdempotencySettings, method: string, fields: Fields): KeyStory {
  const bare = classify(method, 'none')
  if (!settings.methods.includes(method)) {
    return { says: `none; idempotency is for ${settings.methods.join(', ')}`, class: bare }
  }
  const place = describeCarrier(settings.carrier)
  const minted = mintedAs(settings)
  const own = settings.carrier.kind === 'header' ? readKey(fields, settings.carrier.name) : 'absent'
  if (own !== 'absent' && 'invalid' in own) {
    return { says: `not usable (${own.invalid}): ${place} goes as it is, and idempotency does not act`, class: bare }
  }
  if (own === 'absent' && settings.carrier.kind === 'header') {
    if (minted === undefined) return { says: `none: the request has no ${place}, and inject is off`, class: bare }
    return { says: `${minted}, in ${place}; ${unlocks(route)}`, class: classOf(route, method) }
  }
  const kept =
    settings.replay === undefined ? '' : `; its answer is kept for ${describeSpan(settings.replay.ttl / 1_000)}`
  const whose = settings.carrier.kind === 'header' ? '' : minted === undefined ? ', if there is one' : `, or ${minted}`
  const says = `the client's own${whose}, in ${place}; ${unlocks(route)}${kept}`
  return { says, class: classOf(route, method) }
}

/** `never` means never: then a key is sent, and counts for nothing. */
const classOf = ({ idempotency, retry }: Route, method: string): MethodClass =>
  classify(method, retry?.non_idempotent === 'never' ? 'none' : (idempotency?.upstream ?? 'none'))

function unlocks({ idempotency, retry }: Route): string {
  const upstream = idempotency?.upstream ?? 'none'
  if (retry === undefined) return 'unlocks nothing: retry is off'
  if (upstream === 'none') return 'unlocks nothing: idempotency.upstream is none'
  if (retry.non_idempotent === 'never') return 'unlocks nothing: retry.non_idempotent is never'
  return upstream === 'resume'
    ? 'unlocks a repeat after a broken connection or a 5xx'
    : 'unlocks a repeat after a broken connection, not after a 5xx'
}
