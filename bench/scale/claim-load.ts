import { createHash, randomBytes } from 'node:crypto'
import type { Asked } from '../../src/idempotency/asked.js'
import { answerKey, claimKey, encodeRecord } from '../../src/idempotency/claim-record.js'
import { Claims } from '../../src/idempotency/claims.js'
import { encodeAnswer } from '../../src/idempotency/stored-answer.js'
import type { ReplaySettings } from '../../src/policy/idempotency-settings.js'
import { type Put, type Store, StoreError } from '../../src/store/store.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'

/** As many as clients that ask at a time. */
const AT_ONCE = 64

const RULES: ReplaySettings = {
  ttl: seconds(86_400),
  in_flight: 'wait',
  body_max: 1_048_576,
  rate: { per_second: 1_000_000, burst: 1_000_000_000 },
  on_uncertain: 'auto',
  fingerprint: 'bytes',
  ignore: [],
  scope: [],
  store_4xx: [],
  on_5xx: 'uncertain',
  dialect: 'http',
}

const ANSWER = {
  status: 201,
  reason: 'Created',
  fields: ['content-type', 'application/json', 'location', '/v1/orders/ord_0123456789abcdef'],
  body: Buffer.alloc(256, '{"id":"ord_0123456789abcdef"} '),
}

/** @property micros CPU of this process for each claim @property refused why the store took no more */
export type ClaimCost = { readonly claims: number; readonly micros: number; readonly refused: string | undefined }

/** Keyed requests without their HTTP: each claims a key that is new, is answered, and its answer is kept. */
export class ClaimLoad {
  readonly #store: Store
  readonly #claims: Claims
  #count = 0

  constructor(store: Store) {
    this.#store = store
    this.#claims = new Claims(store, systemClock, randomBytes(8).toString('hex'))
  }

  /** Until there are so many, or the store refuses. */
  async run(claims: number): Promise<ClaimCost> {
    const before = process.cpuUsage()
    let done = 0
    let refused: string | undefined
    while (done < claims && refused === undefined) {
      const told = await Promise.all(Array.from({ length: Math.min(AT_ONCE, claims - done) }, () => this.#one()))
      done += told.filter(said => said === undefined).length
      refused = told.find(said => said !== undefined)
    }
    const { user, system } = process.cpuUsage(before)
    return { claims: done, micros: (user + system) / Math.max(1, done), refused }
  }

  /** What so many of them leave, written without asking. @returns how many there was room for */
  async fill(claims: number): Promise<number> {
    for (let done = 0; done < claims; done += AT_ONCE) {
      const puts = Array.from({ length: Math.min(AT_ONCE, claims - done) }, () => this.#left()).flat()
      const keys = puts.map(({ key }) => key)
      try {
        await this.#store.update(keys, () => ({ result: undefined, puts }))
      } catch (error) {
        if (error instanceof StoreError && error.trouble === 'full') return done
        throw error
      }
    }
    return claims
  }

  #left(): readonly Put[] {
    const { lookup, fingerprint, about } = this.#asked()
    const now = systemClock.now()
    const owner = lookup.slice(0, 12)
    const over = { instance: fingerprint.slice(0, 16), resumed: false, claimedAt: now, leaseUntil: 0 }
    const expiresAt = now + RULES.ttl
    const record = { state: 'completed', fingerprint, owner, ...over, expiresAt, status: ANSWER.status, about } as const
    return [
      { key: claimKey(lookup), value: encodeRecord(record), expiresAt },
      { key: answerKey(lookup), value: encodeAnswer(owner, ANSWER), expiresAt, evictable: true },
    ]
  }

  close(): Promise<void> {
    return this.#claims.close()
  }

  /** @returns what stood in the way */
  #one(): Promise<string | undefined> {
    return new Promise(resolve => {
      this.#claims.open(this.#asked(), opened => {
        if (opened.kind !== 'claimed')
          return resolve(opened.kind === 'store-failed' ? opened.error.message : opened.kind)
        // Its answer comes in a later turn, as an upstream's does.
        setImmediate(() => {
          opened.claim.begin()
          opened.claim.complete(ANSWER.status, ANSWER)
          resolve(undefined)
        })
      })
    })
  }

  #asked(): Asked {
    const print = createHash('sha256')
      .update(`${process.pid} ${this.#count++}`)
      .digest('hex')
    const keyPrint = print.slice(0, 16)
    return {
      lookup: print,
      fingerprint: print,
      bucket: 'a bucket for all',
      about: { route: 'orders', origin: 'https://api.example:443', method: 'POST', keyPrint, keyHint: 'ord-2026' },
      rules: RULES,
      uncertain: 'block',
      dueAt: systemClock.monotonic() + seconds(60),
    }
  }
}
