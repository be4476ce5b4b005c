import type { RouteCounts } from '../metrics/route-meter.js'

type Counts = ReadonlyMap<string, RouteCounts>

/** What each worker counted, by route, and what those did who are gone: as with metrics, no count is told smaller. */
export class CountSums<Member> {
  readonly #last = new Map<Member, Counts>()
  #gone: Counts = new Map()

  said(member: Member, counts: Counts): void {
    this.#last.set(member, counts)
  }

  lost(member: Member): void {
    this.#gone = sum([this.#gone, this.#last.get(member) ?? new Map()])
    this.#last.delete(member)
  }

  get all(): Counts {
    return sum([this.#gone, ...this.#last.values()])
  }
}

function sum(all: readonly Counts[]): Counts {
  const sums = new Map<string, RouteCounts>()
  for (const counts of all) {
    for (const [route, count] of counts) {
      const before = sums.get(route)
      sums.set(route, before === undefined ? count : added(before, count))
    }
  }
  return sums
}

const added = (a: RouteCounts, b: RouteCounts): RouteCounts => ({
  requests: a.requests + b.requests,
  succeeded: a.succeeded + b.succeeded,
  rescued: a.rescued + b.rescued,
  attempts: a.attempts + b.attempts,
  waited_s: Math.round((a.waited_s + b.waited_s) * 1_000) / 1_000,
})
