import type { Family, Sample } from '../metrics/exposition.js'
import type { PlainFamily } from './protocol.js'

/** Gauges that are no amounts. All others, and all counters, are added up. */
const GREATEST = new Set(['mulligan_build_info', 'mulligan_draining', 'mulligan_credential_needs_login'])
const LEAST = new Set(['process_start_time_seconds'])

/** Metrics of several processes as those of one: the same series of all of them are one series. */
export function mergeFamilies(all: Iterable<readonly PlainFamily[]>): PlainFamily[] {
  const merged = new Map<string, { readonly family: PlainFamily; readonly samples: Map<string, Sample> }>()
  for (const families of all) {
    for (const family of families) {
      const into = merged.get(family.name) ?? { family, samples: new Map<string, Sample>() }
      merged.set(family.name, into)
      const combine = combinerOf(family.name)
      for (const sample of family.samples) {
        const series = JSON.stringify([sample.suffix, sample.labels])
        const before = into.samples.get(series)
        into.samples.set(series, before ? { ...before, value: combine(before.value, sample.value) } : sample)
      }
    }
  }
  return [...merged.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }))
}

type Value = Sample['value']

function combinerOf(name: string): (a: Value, b: Value) => Value {
  if (GREATEST.has(name)) return (a, b) => (a > b ? a : b)
  if (LEAST.has(name)) return (a, b) => (a < b ? a : b)
  return (a, b) => (typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b))
}

/** Samples are read now. */
export const plain = (families: Iterable<Family>): PlainFamily[] =>
  [...families].map(family => ({ ...family, samples: [...family.samples] }))

const countersOf = (families: readonly PlainFamily[]): PlainFamily[] => families.filter(({ type }) => type !== 'gauge')

/**
 * What each worker said last, and what those said who are gone: a counter that was told once is never told smaller. What
 * a worker counted since it was asked last ends with it.
 */
export class MetricSums<Member> {
  readonly #last = new Map<Member, readonly PlainFamily[]>()
  #gone: readonly PlainFamily[] = []

  said(member: Member, families: readonly PlainFamily[]): void {
    this.#last.set(member, families)
  }

  lost(member: Member): void {
    const last = this.#last.get(member)
    if (last === undefined) return
    this.#last.delete(member)
    this.#gone = mergeFamilies([this.#gone, countersOf(last)])
  }

  /** @param answered of the others only counters are known @param ours of the process that asks */
  families(answered: ReadonlySet<Member>, ours: readonly PlainFamily[]): PlainFamily[] {
    const theirs = [...this.#last].map(([member, last]) => (answered.has(member) ? last : countersOf(last)))
    return mergeFamilies([ours, this.#gone, ...theirs])
  }
}
