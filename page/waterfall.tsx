import type { ExchangeView } from '../src/serving/views.js'
import { formatSpan } from './format.js'
import { type Row, rowsOf, type Span, type SpanKind, sumsOf } from './spans.js'

/** In the order in which they come. */
const NAMES: Readonly<Record<SpanKind, string>> = {
  cooldown: 'cooldown queue',
  connect: 'connect',
  send: 'send',
  wait: 'wait',
  body: 'body',
  sleep: 'retry sleep',
  refresh: 'token refresh',
  pay: 'pay',
}

const KINDS = Object.keys(NAMES) as readonly SpanKind[]

/** Where on the axis there is a figure, of 1. */
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const

/** The attempts of an exchange on one axis of time, with the reason of each decision in words. */
export function Waterfall({ exchange }: { readonly exchange: ExchangeView }) {
  const rows = rowsOf(exchange)
  const total = Math.max(exchange.duration_ms, ...rows.flatMap(({ spans }) => spans.map(({ end }) => end)), 0.1)
  if (rows.length === 0) return <p class="dim">Nothing was sent upstream: {exchange.end ?? 'answered here'}.</p>
  const sums = sumsOf(rows)
  return (
    <>
      <ul class="legend" aria-label="Time by what it was spent on">
        {KINDS.map(kind => {
          const sum = sums.get(kind)
          return (
            sum !== undefined && (
              <li key={kind}>
                <i class={`swatch ${kind}`} /> {NAMES[kind]} <b>{formatSpan(sum)}</b>
              </li>
            )
          )
        })}
      </ul>
      <ol class="waterfall" aria-label="Attempts">
        <li class="axis" aria-hidden="true">
          <span />
          <span class="track">
            {TICKS.map(tick => (
              <span key={tick} class={tick === 1 ? 'tick last' : 'tick'} style={{ left: `${tick * 100}%` }}>
                {formatSpan(tick * total)}
              </span>
            ))}
          </span>
          <span />
        </li>
        {rows.map((row, index) => (
          <Line key={index} row={row} total={total} />
        ))}
      </ol>
    </>
  )
}

function Line({ row, total }: { readonly row: Row; readonly total: number }) {
  const spent = row.spans.reduce((sum, { start, end }) => sum + end - start, 0)
  return (
    <li class={row.kind}>
      <span class="what">{row.kind === 'attempt' ? <Attempt row={row} /> : NAMES[row.spans[0].kind]}</span>
      <span class="track">
        {row.spans.map(span => (
          <Bar key={span.kind} span={span} total={total} />
        ))}
      </span>
      <span class="ms">{formatSpan(spent)}</span>
      <p class="words">
        {row.words}
        {row.kind === 'attempt' && <Small row={row} />}
      </p>
    </li>
  )
}

type AttemptRow = Row & { readonly kind: 'attempt' }

const Attempt = ({ row: { attempt } }: { readonly row: AttemptRow }) => (
  <>
    {attempt.n}.{' '}
    <b class={/^[1-3]\d\d$|^connected$/.test(attempt.outcome) ? 'good' : 'bad'}>{attempt.outcome || 'cut off'}</b>
  </>
)

/** The phases in figures, the log's own words, and what the refused answer said of when to come back. */
function Small({ row: { attempt, spans } }: { readonly row: AttemptRow }) {
  const { why, reused, phase, hints } = attempt
  return (
    <>
      <span class="phases">
        {spans.map(({ kind, start, end }) => `${NAMES[kind]} ${formatSpan(end - start)}`).join(', ')}
        {reused && ' (connection reused)'}
        {phase !== null && ` · failed in phase ${phase}`}
        {why !== '' && (
          <>
            {' · '}
            <code>{why}</code>
          </>
        )}
      </span>
      {hints.map(([name, value], index) => (
        <span key={`${index} ${name}`} class="hint">
          {name}: {value}
        </span>
      ))}
    </>
  )
}

const Bar = ({ span: { kind, start, end }, total }: { readonly span: Span; readonly total: number }) => (
  <i
    class={`bar ${kind}`}
    title={`${NAMES[kind]} ${formatSpan(end - start)}`}
    style={{ left: `${(start / total) * 100}%`, width: `${((end - start) / total) * 100}%` }}
  />
)
