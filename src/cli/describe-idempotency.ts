import type { Route } from '../config/config.js'
import { formatPointer } from '../json/pointer.js'
import type {
  ClassifyRule,
  IdempotencySettings,
  JsonCondition,
  KeyCarrier,
  ReplaySettings,
} from '../policy/idempotency-settings.js'
import { formatSize } from './format-size.js'
import { describeSpan } from './span.js'

/** What `idempotency` and `classify` of a route say, a row each; none where they say nothing. */
export function idempotencyRows({ idempotency, classify }: Route): [name: string, says: string][] {
  return [
    ...(idempotency === undefined ? [] : keyRows(idempotency)),
    ...classify.map((rule, index): [string, string] => [index === 0 ? 'classify' : '', describeRule(rule)]),
  ]
}

function keyRows(settings: IdempotencySettings): [string, string][] {
  const { carrier, methods, when, upstream, replay } = settings
  const missing = mintedAs(settings)
  const mint = missing === undefined ? 'a missing one stays missing' : `a missing one becomes ${missing}`
  return [
    ['idempotency', `key of ${methods.join(', ')} in ${describeCarrier(carrier)}; ${mint}`],
    ...when.map((condition): [string, string] => ['', `only where ${describeCondition(condition)}`]),
    ['', UPSTREAM[upstream]],
    ...(replay === undefined ? [] : replayRows(replay, upstream)),
  ]
}

const UPSTREAM: Readonly<Record<IdempotencySettings['upstream'], string>> = {
  none: 'the upstream ignores keys: nothing is unlocked',
  replay: 'the upstream replays its answer to a key it knows: a broken connection may be repeated',
  reject: 'the upstream refuses a key it knows: a broken connection may be repeated',
  resume: 'the upstream resumes the work of a key it knows: a broken connection, or a 5xx, may be repeated',
}

/** Such as `a uuid4`; `undefined` when nothing is minted. */
export function mintedAs({ inject, from }: IdempotencySettings): string | undefined {
  if (inject === undefined) return undefined
  if (inject !== 'hmac') return `a ${inject}`
  const places = from.map(origin => ('header' in origin ? origin.header : formatPointer(origin.json)))
  return `an hmac of ${places.join(' or ')} (without it a uuid4)`
}

export const describeCarrier = (carrier: KeyCarrier): string =>
  carrier.kind === 'header' ? carrier.name : `${formatPointer(carrier.pointer)} of the body`

function describeCondition({ json, any }: JsonCondition): string {
  const place = formatPointer(json)
  if (any.length === 0) return `there is ${place}`
  const values = any.slice(0, 4).map(value => JSON.stringify(value))
  const more = any.length > values.length ? ` or ${any.length - values.length} others` : ''
  return `${place} is ${values.join(' or ')}${more}`
}

function replayRows(replay: ReplaySettings, upstream: IdempotencySettings['upstream']): [string, string][] {
  const { ttl, body_max, in_flight, rate, fingerprint, ignore, scope, store_4xx } = replay
  const also = store_4xx.length === 0 ? '' : `, ${store_4xx.join(', ')} too`
  const but = ignore.length === 0 ? '' : ` without ${ignore.map(formatPointer).join(', ')}`
  const second = in_flight === 'wait' ? 'waits for the answer' : 'gets 409'
  const beside = scope.length === 0 ? '' : `, and ${scope.join(', ')}`
  return [
    ['replay', `answers are kept for ${describeSpan(ttl / 1_000)}, up to ${formatSize(body_max)}${also}`],
    ['', `the same request: ${fingerprint === 'jcs' ? `equal JSON${but}` : 'equal bytes'}, by credential${beside}`],
    ['', `a second one meanwhile ${second}; new keys: ${rate.per_second} per second, ${rate.burst} at once`],
    ['', `an uncertain key ${UNCERTAIN[uncertainOf(replay, upstream)]}`],
  ]
}

const UNCERTAIN = {
  resume: 'is sent again',
  block: 'gets 409 until mulligan idem resolve',
  allow: 'is sent as if new: an effect may happen twice',
} as const

const uncertainOf = ({ on_uncertain }: ReplaySettings, upstream: IdempotencySettings['upstream']) =>
  on_uncertain === 'auto' ? (upstream === 'none' ? 'block' : 'resume') : on_uncertain

function describeRule(rule: ClassifyRule): string {
  if (rule === 'adcp') return 'errors of AdCP'
  if (rule === 'json_rpc') return 'errors of JSON-RPC'
  const { when, as, retry_after } = rule
  const status = when.status.length === 0 ? 'an answer' : `a ${when.status.join(', ')}`
  const wait = retry_after === undefined ? '' : `, wait in ${formatPointer(retry_after)}`
  return `${status} where ${describeCondition(when)} counts as ${as}${wait}`
}
