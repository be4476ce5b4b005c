import type { RefObject } from 'preact'
import { KIND_NAMES, type Kind } from './filter.js'
import type { Session } from './session.js'

type Props = { readonly session: Session; readonly input: RefObject<HTMLInputElement | null> }

/** What is shown of the stream, and whether it moves. */
export function Toolbar({ session, input }: Props) {
  const { log, text, kinds, missed } = session
  const toggle = (kind: Kind) =>
    session.filterBy(text, kinds.includes(kind) ? kinds.filter(other => other !== kind) : [...kinds, kind])
  const count = log.shown.length === log.size ? String(log.size) : `${log.shown.length} of ${log.size}`
  return (
    <search class="toolbar">
      <input
        ref={input}
        type="search"
        aria-label="Filter"
        placeholder="filter: words, status:5xx, route:x, why:retry-after"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={event => session.filterBy(event.currentTarget.value, kinds)}
      />
      <span class="chips">
        {KIND_NAMES.map(kind => (
          <button key={kind} type="button" aria-pressed={kinds.includes(kind)} onClick={() => toggle(kind)}>
            {kind}
          </button>
        ))}
      </span>
      <button type="button" class="pause" aria-pressed={log.paused} onClick={() => session.togglePause()}>
        {log.paused ? `resume (${log.heldCount} new)` : 'pause'}
      </button>
      <span class="count">
        {count}
        {missed > 0 && ` · ${missed} too fast to show`}
      </span>
    </search>
  )
}
