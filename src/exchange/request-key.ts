import { randomBytes } from 'node:crypto'
import { fieldValue } from '../http/fields.js'
import { namedByConnection } from '../http/hop-by-hop.js'
import { judgeKey, mintKey, type ReadKey, readKey } from '../http/idempotency-key.js'
import { countsRepeats, isClientRepeat } from '../http/sdk-retry.js'
import { coversBody } from '../http/signed-request.js'
import { derivedKeyOf } from '../idempotency/lookup.js'
import type { MintedKeys } from '../idempotency/minted-keys.js'
import { formatPointer, type Pointer } from '../json/pointer.js'
import { parseJson } from '../json/read.js'
import { type Located, locate } from '../json/scan.js'
import { insertMember } from '../json/splice.js'
import type { IdempotencySettings, KeyOrigin } from '../policy/idempotency-settings.js'
import { holds } from '../policy/json-condition.js'
import type { Clock } from '../time/clock.js'
import { FixedBody } from './fixed-body.js'
import type { GatheredBody } from './gathered-body.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'

/** The key of a request, and what of the request it changes. */
export type RequestKey = {
  readonly value: string
  /** Ours: it protects our own repeats, and never enters the replay cache. */
  readonly minted: boolean
  readonly carried: Carried
}

/** How a minted key travels: as a field line, or within the body. */
export type Carried = {
  readonly field: readonly [name: string, value: string] | undefined
  readonly body: FixedBody | undefined
}

/** A client's own key is passed on as it came. */
const AS_IT_CAME: Carried = { field: undefined, body: undefined }

type Ground = {
  readonly plan: Plan
  readonly request: RequestHead
  readonly settings: IdempotencySettings
  /** For whom the request is made: from `scopeOf`, or nobody in particular. */
  readonly scope: string
  readonly secret: Buffer
  readonly minted: MintedKeys
  readonly clock: Clock
}

/** Finds the key of one request, or makes it (I1, I2). */
export class KeyFinder {
  readonly #ground: Ground
  readonly #inHeader: ReadKey

  constructor(ground: Ground) {
    const { carrier } = ground.settings
    this.#ground = ground
    this.#inHeader = carrier.kind === 'header' ? readKey(ground.request.fields, carrier.name) : 'absent'
  }

  /** The body decides: it must be read before the first attempt. */
  get needsBody(): boolean {
    const { carrier, when, inject, from, replay } = this.#ground.settings
    if (carrier.kind === 'json' || when.length > 0) return true
    if (this.#inHeader !== 'absent') return replay !== undefined && 'key' in this.#inHeader
    if (inject === 'hmac') return from.some(origin => 'json' in origin)
    return inject !== undefined && countsRepeats(this.#ground.request.fields)
  }

  /** Its text is looked into: a digest of the body is not enough. */
  get readsBody(): boolean {
    const { carrier, when, from, replay } = this.#ground.settings
    const replayReads = replay !== undefined && (replay.fingerprint === 'jcs' || replay.dialect !== 'http')
    return carrier.kind === 'json' || when.length > 0 || replayReads || from.some(origin => 'json' in origin)
  }

  /** @param body `undefined` when it was not read, or is too long to be @returns undefined when no key has any business here */
  find(body: GatheredBody | undefined): RequestKey | undefined {
    const { carrier, when, inject } = this.#ground.settings
    const json = when.length > 0 && body?.bytes ? parseJson(body.bytes) : undefined
    if (!when.every(condition => holds(json, condition))) return undefined
    const own = carrier.kind === 'json' ? keyWithin(body?.bytes, carrier.pointer) : this.#inHeader
    if (own !== 'absent') return 'key' in own ? this.#own(own.key) : undefined
    return inject && this.#carry(this.#mint(inject, body), body)
  }

  /** Where `Connection` names its field the key would end here, and what it unlocks would be unlocked by nothing. */
  #own(value: string): RequestKey {
    const { settings, request } = this.#ground
    const { carrier } = settings
    const ends = carrier.kind === 'header' && namedByConnection(request.fields).has(carrier.name.toLowerCase())
    return { value, minted: false, carried: ends ? { field: [carrier.name, value], body: undefined } : AS_IT_CAME }
  }

  #mint(inject: 'uuid4' | 'uuid7' | 'hmac', body: GatheredBody | undefined): string {
    const { settings, request, clock, minted } = this.#ground
    const origin = inject === 'hmac' ? firstOf(settings.from, request, body?.bytes) : undefined
    if (origin !== undefined) return derivedKeyOf(this.#ground.secret, [...this.#place(), ...origin])
    const { fields } = request
    const parts = body && countsRepeats(fields) ? [...this.#place(), this.#ground.plan.path, body.digest] : undefined
    const known = parts && isClientRepeat(fields) ? minted.recall(parts) : undefined
    const key = known ?? mintKey(inject === 'hmac' ? 'uuid4' : inject, randomBytes(16), clock.now())
    if (parts) minted.remember(parts, key)
    return key
  }

  /** Where an operation happens, and for whom. */
  #place(): string[] {
    const { plan, request, scope } = this.#ground
    return [plan.route.name, plan.scheme, plan.authority, request.method, scope]
  }

  #carry(value: string, body: GatheredBody | undefined): RequestKey | undefined {
    const { settings, request } = this.#ground
    const { carrier } = settings
    if (carrier.kind === 'header') {
      return { value, minted: true, carried: { field: [carrier.name, value], body: undefined } }
    }
    if (body?.bytes === undefined || coversBody(request.fields) !== undefined) return undefined
    const spliced = insertMember(body.bytes, carrier.pointer, JSON.stringify(value))
    if (!Buffer.isBuffer(spliced)) return undefined
    const carried = { field: undefined, body: new FixedBody(spliced, request.framing, body.trailers) }
    return { value, minted: true, carried }
  }
}

/** A key that stands in the body twice, or in no object, is none that we and the upstream would read alike. */
function keyWithin(text: Buffer | undefined, pointer: Pointer): ReadKey {
  const located: Located = text ? locate(text, pointer) : { kind: 'invalid' }
  if (located.kind === 'absent') return 'absent'
  if (located.kind !== 'found') return { invalid: 'not-text' }
  return judgeKey(text && parseJson(text.subarray(located.start, located.end)))
}

/** The first that the request has: its place, and its value as it is written. */
function firstOf(from: readonly KeyOrigin[], { fields }: RequestHead, text: Buffer | undefined): string[] | undefined {
  for (const origin of from) {
    const place = 'header' in origin ? origin.header.toLowerCase() : formatPointer(origin.json)
    const value = 'header' in origin ? fieldValue(fields, place) : plainValue(text, origin.json)
    if (value) return [place, value]
  }
  return undefined
}

/** A natural key is a text or a number: as it is written, since two big integers may be one to a parser. */
function plainValue(text: Buffer | undefined, pointer: Pointer): string | undefined {
  const located = text && locate(text, pointer)
  if (text === undefined || located?.kind !== 'found') return undefined
  const value = text.toString('utf8', located.start, located.end)
  return value !== '""' && /^["\-\d]/.test(value) ? value : undefined
}
