import type { Family } from '../metrics/exposition.js'
import { type Load, NO_LOAD } from '../metrics/load.js'
import type { ExchangeListener, Serving } from '../serving/serving.js'
import type { BreakerView, ExchangeView } from '../serving/views.js'
import { seconds } from '../time/units.js'
import { CountSums } from './count-sums.js'
import type { Crew } from './crew.js'
import type { CrewMember } from './crew-member.js'
import { MetricSums, plain } from './metric-sums.js'

/** One that is too busy to say how it is, is left out. */
const ANSWER_WITHIN = seconds(1)

/** What all workers serve, as if one process did. @param ours the primary's own metrics */
export function mergedServing(crew: Crew, ours: () => readonly Family[]): Serving {
  const metrics = new MetricSums<CrewMember>()
  const counts = new CountSums<CrewMember>()
  crew.onLost(member => {
    metrics.lost(member)
    counts.lost(member)
  })
  return {
    load: async () => {
      const loads = await crew.ask('load', undefined, ANSWER_WITHIN)
      return loads.map(([, load]) => load).reduce(bothLoads, { ...NO_LOAD, draining: crew.draining })
    },
    metrics: async () => {
      const answers = await crew.ask('metrics', undefined, ANSWER_WITHIN, (member, said) => metrics.said(member, said))
      return metrics.families(new Set(answers.map(([member]) => member)), plain(ours()))
    },
    counts: async () => {
      await crew.ask('counts', undefined, ANSWER_WITHIN, (member, said) => counts.said(member, said))
      return counts.all
    },
    exchanges: async query => {
      const lists = await crew.ask('exchanges', query, ANSWER_WITHIN)
      const exchanges = lists.flatMap(([, list]) => list)
      return exchanges.sort((a, b) => endOf(b) - endOf(a)).slice(0, query.limit)
    },
    exchange: async id => {
      const found = await crew.ask('exchange', id, ANSWER_WITHIN)
      return found.find(([, exchange]) => exchange !== undefined)?.[1]
    },
    breakers: async () => {
      const lists = await crew.ask('breakers', undefined, ANSWER_WITHIN)
      return mergeBreakers(lists.flatMap(([, list]) => list))
    },
    resetBreaker: async origin => {
      const known = await crew.ask('resetBreaker', origin, ANSWER_WITHIN)
      return known.some(([, wasKnown]) => wasKnown)
    },
    watch: watchAll(crew),
  }
}

const bothLoads = (a: Load, b: Load): Load => ({
  draining: a.draining || b.draining,
  overloaded: a.overloaded || b.overloaded,
  inflight: a.inflight + b.inflight,
  tunnels: a.tunnels + b.tunnels,
  clients: a.clients + b.clients,
  upstream_connections: a.upstream_connections + b.upstream_connections,
  body_memory: a.body_memory + b.body_memory,
})

const endOf = ({ time, duration_ms }: ExchangeView): number => Date.parse(time) + duration_ms

/** The worst first. */
const STATES: readonly BreakerView['breaker'][] = ['open', 'probing', 'closed', 'off']

/** An origin's, as far as any worker keeps requests from it. */
function mergeBreakers(all: readonly BreakerView[]): BreakerView[] {
  const merged = new Map<string, BreakerView>()
  for (const view of all) {
    const before = merged.get(view.origin)
    merged.set(view.origin, before === undefined ? view : bothBreakers(before, view))
  }
  return [...merged.values()]
}

const bothBreakers = (a: BreakerView, b: BreakerView): BreakerView => ({
  origin: a.origin,
  breaker: STATES.find(state => a.breaker === state || b.breaker === state) ?? 'off',
  retry_in_s: Math.max(a.retry_in_s, b.retry_in_s),
  waiting: a.waiting + b.waiting,
  budget: a.budget === null || b.budget === null ? (a.budget ?? b.budget) : a.budget + b.budget,
})

/** Workers tell of exchanges only while somebody here listens. */
function watchAll(crew: Crew): Serving['watch'] {
  const listeners = new Set<ExchangeListener>()
  crew.onExchanges((exchanges, missed) => {
    for (const listener of listeners) listener(exchanges, missed)
  })
  return listener => {
    // One of its own each time: the same function may listen twice.
    const mine: ExchangeListener = (exchanges, missed) => listener(exchanges, missed)
    listeners.add(mine)
    crew.watch(true)
    return () => {
      listeners.delete(mine)
      if (listeners.size === 0) crew.watch(false)
    }
  }
}
