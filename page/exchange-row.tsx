import type { ComponentChildren } from 'preact'
import type { ExchangeView } from '../src/serving/views.js'
import { KINDS } from './filter.js'
import { formatBytes, formatSpan, formatTime } from './format.js'

export const HEADINGS = ['time', 'status', 'method', 'url', 'route', 'tries', 'why', 'took', 'bytes'] as const

type Props = {
  readonly id: string
  readonly exchange: ExchangeView
  readonly index: number
  /** Pixels. */
  readonly top: number
  readonly active: boolean
  readonly onOpen: () => void
}

/** One line for one exchange. What upstreams and clients chose is text and nothing else. */
export function ExchangeRow({ id, exchange, index, top, active, onOpen }: Props) {
  const { time, method, url, route, attempts, duration_ms, bytes_out } = exchange
  const why = whyOf(exchange)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys of the whole page do
    <div
      id={id}
      class={active ? 'row active' : 'row'}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={active}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onOpen}
    >
      <Cell name="time">{formatTime(time)}</Cell>
      <Cell name="status" tone={toneOf(exchange)}>
        {statusOf(exchange)}
      </Cell>
      <Cell name="method">{method}</Cell>
      <Cell name="url" title={url}>
        <Url url={url} />
      </Cell>
      <Cell name="route" title={route}>
        {route}
      </Cell>
      <Cell name="tries">{attempts.length === 1 ? '' : attempts.length}</Cell>
      <Cell name="why" title={why}>
        {why}
      </Cell>
      <Cell name="took" tone={KINDS.slow(exchange) ? 'warn' : undefined}>
        {formatSpan(duration_ms)}
      </Cell>
      <Cell name="bytes">{formatBytes(bytes_out)}</Cell>
    </div>
  )
}

type CellProps = {
  readonly name: (typeof HEADINGS)[number]
  readonly tone?: string | undefined
  readonly title?: string
  readonly children?: ComponentChildren
}

const Cell = ({ name, tone, title, children }: CellProps) => (
  <span role="gridcell" class={`cell-${name}${tone === undefined ? '' : ` ${tone}`}`} title={title}>
    {children}
  </span>
)

/** Where there is no room for both, the path is what tells exchanges apart. */
function Url({ url }: { readonly url: string }) {
  const path = url.indexOf('/', url.indexOf('://') + 3)
  if (path < 0) return <>{url}</>
  return (
    <>
      <span class="origin">{url.slice(0, path)}</span>
      <span class="path">{url.slice(path)}</span>
    </>
  )
}

/** Nothing is a status too. */
export const statusOf = ({ status, end }: ExchangeView): string =>
  status === 0 ? (end === 'client-gone' ? 'gone' : 'none') : String(status)

export function toneOf(exchange: ExchangeView): 'good' | 'warn' | 'bad' {
  const { status } = exchange
  if (!KINDS.failed(exchange)) return 'good'
  return status >= 400 && status < 500 ? 'warn' : 'bad'
}

/** How it ended if not well, else what it cost, else why it was repeated. */
function whyOf({ end, spend, attempts, queued_ms }: ExchangeView): string {
  const words: string[] = end === null ? [] : [end]
  if (spend !== null) words.push(spend)
  if (queued_ms > 0) words.push('cooldown')
  for (const { why } of attempts.slice(0, -1)) if (!words.includes(why)) words.push(why)
  return words.join(' · ')
}
