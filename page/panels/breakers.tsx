import type { BreakerView } from '../../src/serving/views.js'
import { formatAge } from '../format.js'

const TONES = { closed: 'good', open: 'bad', probing: 'warn', off: 'dim' } as const

/** How trouble of each origin stands: what is not closed, or keeps requests waiting, comes first. */
export function Breakers({ breakers }: { readonly breakers: readonly BreakerView[] }) {
  const sorted = breakers.toSorted((a, b) => weight(b) - weight(a) || a.origin.localeCompare(b.origin))
  return (
    <ul class="items">
      {sorted.map((breaker, index) => (
        <li key={`${breaker.origin} ${index}`}>
          <Breaker view={breaker} />
        </li>
      ))}
    </ul>
  )
}

const weight = ({ breaker, waiting }: BreakerView): number =>
  (breaker === 'open' ? 2 : breaker === 'probing' ? 1 : 0) * 1_000_000 + waiting

function Breaker({ view: { origin, breaker, retry_in_s, waiting, budget } }: { readonly view: BreakerView }) {
  const facts = [
    waiting > 0 && `${waiting} waiting at the gate`,
    retry_in_s > 0 && `next probe in ${formatAge(retry_in_s)}`,
    budget !== null && `budget for ${budget} repeats`,
  ].filter(fact => fact !== false)
  return (
    <>
      <p class="line">
        <span class="cut" title={origin}>
          {origin}
        </span>
        <span class={TONES[breaker]}>{breaker === 'off' ? 'no breaker' : breaker}</span>
      </p>
      {facts.length > 0 && <p class="small">{facts.join(' · ')}</p>}
    </>
  )
}
