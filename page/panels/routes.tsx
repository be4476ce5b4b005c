import type { RouteView } from '../../src/serving/views.js'
import { formatShare, formatSpan } from '../format.js'
import { Bar } from './bar.js'

/** For each route what its clients got, and what they would have got without us. Routes nothing came for stand last. */
export function Routes({ routes }: { readonly routes: readonly RouteView[] }) {
  const sorted = routes.toSorted((a, b) => b.requests - a.requests)
  return (
    <ul class="items">
      {sorted.map(route => (
        <li key={route.name}>
          <Route route={route} />
        </li>
      ))}
    </ul>
  )
}

function Route({ route }: { readonly route: RouteView }) {
  const { name, match, mount, credential, wallet, requests, succeeded, rescued, attempts, waited_s } = route
  const uses = [credential !== null && `credential ${credential}`, wallet !== null && `wallet ${wallet}`].filter(
    Boolean,
  )
  return (
    <>
      <p class="line">
        <b title={name}>{name}</b>
        <span class="dim cut" title={match}>
          {mount ?? match}
        </span>
      </p>
      {requests > 0 && (
        <>
          <Success words="with us" part={succeeded} whole={requests} tone="good" />
          <Success words="without" part={succeeded - rescued} whole={requests} tone="plain" />
          <p class="small">
            {counted(requests, 'request')} · {counted(attempts, 'attempt')} · {rescued} rescued
            {waited_s > 0 && <span class="whole"> · waited {formatSpan(waited_s * 1_000)}</span>}
          </p>
        </>
      )}
      {requests === 0 && <p class="small">no request yet</p>}
      {uses.length > 0 && <p class="small">{uses.join(' · ')}</p>}
    </>
  )
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

type SuccessProps = {
  readonly words: string
  readonly part: number
  readonly whole: number
  readonly tone: 'good' | 'plain'
}

const Success = ({ words, part, whole, tone }: SuccessProps) => (
  <p class="success">
    <span>{words}</span>
    <Bar label={`${words}: ${part} of ${whole} succeeded`} share={part / whole} tone={tone} />
    <span class="number">{formatShare(part, whole)}</span>
  </p>
)
