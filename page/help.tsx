import { useEffect, useRef } from 'preact/hooks'
import { KEYS } from './keys.js'

const TERMS: readonly (readonly [string, string])[] = [
  ['orders', 'in method, URL, route, status or end'],
  ['status:5xx', 'likewise status:503'],
  ['route:x method:post mode:mount', 'parts of these'],
  ['why:retry-after', 'an attempt was repeated, or not, for that'],
  ['outcome:503', 'an attempt gave that'],
  ['end:client-gone', 'it ended so'],
  ['is:failed', 'like the buttons'],
  ['-status:2xx', 'not that'],
]

/** A dialog of the browser: focus stays in it, and Escape closes it. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keys</h2>
      <Table rows={KEYS} />
      <h2>Filter</h2>
      <Table rows={TERMS} />
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}

const Table = ({ rows }: { readonly rows: readonly (readonly [string, string])[] }) => (
  <dl class="terms">
    {rows.map(([term, words]) => (
      <div key={term}>
        <dt>
          <kbd>{term}</kbd>
        </dt>
        <dd>{words}</dd>
      </div>
    ))}
  </dl>
)
