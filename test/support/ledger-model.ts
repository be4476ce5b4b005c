import { isFinal, livesUntil, type PurchaseRecord } from '../../src/ledger/purchase-record.js'
import { decodeSpend } from '../../src/ledger/spend.js'
import type { WalletLimits } from '../../src/x402/policy.js'
import type { ManualClock } from './clock.js'

type Bought = {
  record: PurchaseRecord
  isSigned: boolean
  isOver: boolean
  /** The latest wall time since it was signed: a clock that is set back may show it as living again. */
  seenUntil: number
}

const DAY = 86_400_000
const SPANS = { minute: 60_000, hour: 3_600_000, day: DAY } as const

/** What the rules say (P3 to P7), as sums over all that was ever written: no lanes, retries, heartbeats or promises. */
export class LedgerModel {
  readonly #clock: ManualClock
  readonly #limits: WalletLimits
  readonly #all = new Map<string, Bought>()
  readonly #beats = new Map<string, { readonly until: number; seenUntil: number }>()
  readonly #dead = new Set<string>()

  constructor(clock: ManualClock, limits: WalletLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  tick(): void {
    const now = this.#clock.now()
    for (const seen of [...this.#all.values(), ...this.#beats.values()]) seen.seenUntil = Math.max(seen.seenUntil, now)
  }

  crash(instance: string): void {
    this.#dead.add(instance)
  }

  beat(instance: string, until: number): void {
    this.#beats.set(instance, { until, seenUntil: this.#clock.now() })
  }

  /** `record` was written as something that somebody is at. @returns what is wrong with that */
  busy(record: PurchaseRecord): string | undefined {
    const bought = this.#all.get(record.id)
    if (bought === undefined) return this.#reserved(record)
    if (bought.isOver) return 'somebody is at a purchase that is over'
    const before = bought.record
    bought.record = record
    if (record.state !== 'signed') return 'a purchase was reserved twice'
    if (!bought.isSigned) {
      bought.isSigned = true
      bought.seenUntil = this.#clock.now()
      return before.owner === record.owner ? this.#checkWindows(record) : 'somebody signs the reservation of another'
    }
    if (before.owner !== '') return 'it was taken from somebody who had not lost it'
    return record.nonce === before.nonce && record.amount === before.amount ? undefined : 'a purchase was signed twice'
  }

  /** `record` was written as one that nobody is at. */
  booked(record: PurchaseRecord, by: string): string | undefined {
    const bought = this.#all.get(record.id)
    if (bought === undefined || !bought.isSigned) return 'what was never signed is in the book'
    if (bought.isOver) return 'a purchase ended twice'
    const { instance } = bought.record
    const isTaken = instance !== '' && instance !== by && !isFinal(record.state)
    const mayTake = isTaken ? this.#mayTake(bought) : true
    bought.record = record
    bought.isOver = isFinal(record.state)
    return mayTake ? undefined : `${by} took what ${instance} presents`
  }

  /** The reservation is gone. */
  undone(id: string, by: string): string | undefined {
    const bought = this.#all.get(id)
    if (bought === undefined || bought.isSigned) return 'what was signed, or never reserved, was undone'
    this.#all.delete(id)
    const isTaken = bought.record.instance !== by
    return isTaken && !this.#mayTake(bought) ? `${by} undid what ${bought.record.instance} reserved` : undefined
  }

  /** The sums of the wallet were written. */
  spent(value: Buffer): string | undefined {
    const spend = decodeSpend(value) ?? new Map<string, bigint>()
    const reserved = [...this.#all.values()].filter(({ isSigned }) => !isSigned)
    const wanted: [string, bigint][] = [
      ['pending', BigInt(reserved.length)],
      ['pending/USDC', sum(reserved)],
      ['total/USDC', sum(this.#signed())],
    ]
    const most = this.#limits.total['USDC']
    if (most !== undefined && sum(reserved) + sum(this.#signed()) > most)
      return 'more is reserved than there is room for'
    const wrong = wanted.find(([name, units]) => (spend.get(name) ?? 0n) !== units)
    return wrong && `${wrong[0]} is ${spend.get(wrong[0])} instead of ${wrong[1]}`
  }

  get open(): number {
    return [...this.#all.values()].filter(({ record }) => record.owner !== '').length
  }

  #reserved(record: PurchaseRecord): string | undefined {
    this.#all.set(record.id, { record, isSigned: false, isOver: false, seenUntil: this.#clock.now() })
    for (const other of this.#all.values()) {
      const { purchaseKey, keyed, id } = other.record
      if (purchaseKey !== record.purchaseKey || other.isOver || id === record.id) continue
      const until = other.isSigned ? livesUntil(other.record) + (keyed ? DAY : 0) : Number.POSITIVE_INFINITY
      if (other.seenUntil < until) return `a second purchase of ${purchaseKey} while the first may live`
    }
    return undefined
  }

  /** Its owner is dead, or silent, or too late. */
  #mayTake({ record, seenUntil }: Bought): boolean {
    const { instance, state, reservedAt } = record
    const lease = state === 'signed' ? livesUntil(record) : reservedAt + 120_000
    const beat = this.#beats.get(instance)
    const isSilent = beat === undefined || beat.until <= beat.seenUntil
    return this.#dead.has(instance) || seenUntil >= lease || isSilent
  }

  #signed = (): Bought[] => [...this.#all.values()].filter(({ isSigned }) => isSigned)

  #checkWindows({ signedAt }: PurchaseRecord): string | undefined {
    const within = (span: keyof typeof SPANS) => {
      const index = Math.floor(signedAt / SPANS[span])
      return this.#signed().filter(({ record }) => Math.floor(record.signedAt / SPANS[span]) === index)
    }
    const { per_minute = Number.POSITIVE_INFINITY, per_hour, per_day, total } = this.#limits
    if (within('minute').length > per_minute) return 'too many payments in a minute'
    const rows: [string, bigint, bigint | undefined][] = [
      ['hour', sum(within('hour')), per_hour['USDC']],
      ['day', sum(within('day')), per_day['USDC']],
      ['total', sum(this.#signed()), total['USDC']],
    ]
    const wrong = rows.find(([, spent, limit]) => limit !== undefined && spent > limit)
    return wrong && `${wrong[1]} in one ${wrong[0]}, limit ${wrong[2]}`
  }
}

const sum = (all: readonly Bought[]): bigint => all.reduce((units, { record }) => units + record.amount, 0n)
