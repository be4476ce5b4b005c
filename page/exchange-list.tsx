import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ExchangeView } from '../src/serving/views.js'
import { ExchangeRow, HEADINGS } from './exchange-row.js'
import type { Session } from './session.js'

/** In pixels, as in styles/stream.css. */
const ROW = 24
/** Rows drawn above and below what is seen, so that fast scrolling shows no gaps. */
const MARGIN = 8

type Props = { readonly session: Session; readonly grid: RefObject<HTMLDivElement | null> }

/** The newest on top. Only rows in sight exist, whatever the number; new ones never move a row that is looked at. */
export function ExchangeList({ session, grid }: Props) {
  const { log, active } = session
  const { shown } = log
  const { top, height, onScroll } = useSight(grid)
  useAnchor(session, grid)
  useActiveInSight(session, grid)
  const count = Math.min(shown.length, Math.ceil(height / ROW) + 2 * MARGIN)
  const first = Math.max(0, Math.min(shown.length - count, Math.floor(top / ROW) - MARGIN))
  const rows: { readonly exchange: ExchangeView; readonly index: number; readonly slot: number }[] = []
  for (let index = first; index < first + count; index++) {
    const exchange = shown[shown.length - 1 - index]
    // A row that leaves lends its elements to the one that comes: making new ones is what scrolling would cost.
    if (exchange !== undefined) rows.push({ exchange, index, slot: (log.shownEver - index) % count })
  }
  const isActiveThere = active !== undefined && rows.some(({ exchange }) => exchange.id === active)
  return (
    <div
      ref={grid}
      class="grid"
      role="grid"
      aria-label="Exchanges, the newest first"
      aria-rowcount={shown.length + 1}
      aria-activedescendant={isActiveThere ? rowId(active) : undefined}
      tabIndex={0}
      onScroll={onScroll}
    >
      <div class="row head" role="row" aria-rowindex={1}>
        {HEADINGS.map(heading => (
          <span key={heading} role="columnheader" class={`cell-${heading}`}>
            {heading}
          </span>
        ))}
      </div>
      <div class="rows" role="rowgroup" style={{ height: `${shown.length * ROW}px` }}>
        {rows.map(({ exchange, index, slot }) => (
          <ExchangeRow
            key={slot}
            id={rowId(exchange.id)}
            exchange={exchange}
            index={index}
            top={index * ROW}
            active={exchange.id === active}
            onOpen={() => session.open(exchange.id)}
          />
        ))}
      </div>
      {shown.length === 0 && (
        <div role="row">
          <div role="gridcell" class="empty">
            {emptyWords(session)}
          </div>
        </div>
      )}
    </div>
  )
}

const rowId = (id: string): string => `x-${id}`

function emptyWords({ log, connection, answers }: Session): string {
  if (log.size > 0) return 'No exchange passes the filter.'
  if (connection.kind !== 'open') return ''
  const proxy = answers.status?.proxy[0]
  return proxy === undefined ? 'Nothing yet.' : `Nothing yet. Send something through ${proxy}`
}

/** What of the list is in sight, in pixels. */
function useSight(grid: RefObject<HTMLDivElement | null>) {
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(600)
  useEffect(() => {
    const element = grid.current
    if (element === null) return
    const observer = new ResizeObserver(() => setHeight(element.clientHeight))
    observer.observe(element)
    return () => observer.disconnect()
  }, [grid])
  return { top, height, onScroll: (event: { currentTarget: HTMLElement }) => setTop(event.currentTarget.scrollTop) }
}

/** Who has scrolled down, or picked a row, keeps it where it is while others come in above. */
function useAnchor({ log, active }: Session, grid: RefObject<HTMLDivElement | null>): void {
  const { filter, shownEver } = log
  const before = useRef({ filter, shownEver })
  useLayoutEffect(() => {
    const element = grid.current
    const { current } = before
    before.current = { filter, shownEver }
    if (element === null) return
    if (current.filter !== filter) element.scrollTop = 0
    // Asking where it stands makes the browser lay out everything: only when something has come.
    else if (current.shownEver === shownEver) return
    else if (element.scrollTop > 0 || active !== undefined) element.scrollTop += (shownEver - current.shownEver) * ROW
  })
}

/** The keyboard's row is in sight whenever it changes. */
function useActiveInSight({ log, active }: Session, grid: RefObject<HTMLDivElement | null>): void {
  useLayoutEffect(() => {
    const element = grid.current
    const at = log.shown.findLastIndex(({ id }) => id === active)
    if (element === null || at < 0) return
    const top = (log.shown.length - 1 - at) * ROW
    const room = element.clientHeight - 2 * ROW
    if (top < element.scrollTop) element.scrollTop = top
    else if (top > element.scrollTop + room) element.scrollTop = top - room
  }, [active, grid, log])
}
