import { createHash } from 'node:crypto'
import type { Asked, Opened } from '../../src/idempotency/asked.js'
import type { StoredAnswer } from '../../src/idempotency/stored-answer.js'
import type { ReplaySettings } from '../../src/policy/idempotency-settings.js'
import { type Decide, type Store, StoreError } from '../../src/store/store.js'
import { millis } from '../../src/time/units.js'

const RULES: ReplaySettings = {
  ttl: millis(86_400_000),
  in_flight: 'wait',
  body_max: 1_048_576,
  rate: { per_second: 60, burst: 300 },
  on_uncertain: 'auto',
  fingerprint: 'bytes',
  ignore: [],
  scope: [],
  store_4xx: [],
  on_5xx: 'uncertain',
  dialect: 'http',
}

const known = new Map<string, string>()

function hex(text: string): string {
  const digest = known.get(text) ?? createHash('sha256').update(text).digest('hex')
  known.set(text, digest)
  return digest
}

type Overrides = Partial<Pick<Asked, 'uncertain' | 'dueAt'>> & { payload?: string; rules?: Partial<ReplaySettings> }

/** A request with this key. */
export function asked(
  key: string,
  { payload = 'a', rules, uncertain = 'block', dueAt = 60_000 }: Overrides = {},
): Asked {
  return {
    lookup: hex(key),
    fingerprint: hex(payload),
    bucket: hex('bucket'),
    about: { route: 'pay', origin: 'https://api.test', method: 'POST', keyPrint: hex(key).slice(0, 16), keyHint: '' },
    rules: { ...RULES, ...rules },
    uncertain,
    dueAt,
  }
}

export const answer = (text: string, status = 201): StoredAnswer => ({
  status,
  reason: 'Created',
  fields: ['Content-Type', 'text/plain'],
  body: Buffer.from(text),
})

/** What one request was told, in short: `claimed`, `replay a`, `in-flight 1`, `store-failed full`. */
export function short(opened: Opened): string {
  switch (opened.kind) {
    case 'claimed':
      return opened.resumed ? 'resumed' : 'claimed'
    case 'replay':
    case 'shared':
      return `${opened.kind} ${opened.answer.body}`
    case 'in-flight':
    case 'insert-rate':
      return `${opened.kind} ${opened.retryAfter / 1_000}`
    case 'no-body':
      return `no-body ${opened.status}`
    case 'store-failed':
      return `store-failed ${opened.error.trouble}`
    case 'reused':
    case 'unknown':
      return opened.kind
  }
}

/** A store that fails on command: before it writes, or after. */
export class FickleStore implements Store {
  readonly kind: Store['kind']
  /** Called with the keys of each update; of a mere reading, with `get` before the key. */
  fails: (keys: readonly string[]) => 'no' | 'before' | 'after' | 'full' = () => 'no'
  updates = 0
  /** Updates wait for it. */
  gate: Promise<void> | undefined
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.kind = store.kind
  }

  readonly get: Store['get'] = async key => {
    if (this.fails(['get', key]) === 'before') throw new StoreError('unreachable', 'gone')
    return this.#store.get(key)
  }
  readonly scan: Store['scan'] = prefix => this.#store.scan(prefix)
  readonly whenWritten: Store['whenWritten'] = then => this.#store.whenWritten(then)
  readonly close = () => this.#store.close()

  readonly update = async <T>(keys: readonly string[], decide: Decide<T>): Promise<T> => {
    this.updates++
    const fails = this.fails(keys)
    if (this.gate !== undefined) await this.gate
    if (fails === 'before') throw new StoreError('unreachable', 'gone')
    if (fails === 'full') throw new StoreError('full', 'full')
    const result = await this.#store.update(keys, decide)
    if (fails === 'after') throw new StoreError('unreachable', 'gone')
    return result
  }
}
