import type { Session } from './session.js'

/** What the keys do, for the page's help. */
export const KEYS: readonly (readonly [string, string])[] = [
  ['j k ↓ ↑', 'next and previous exchange'],
  ['Home End', 'the newest, the oldest'],
  ['Enter', 'open it'],
  ['Esc', 'close it; in the filter: clear it'],
  ['/', 'filter'],
  ['p Space', 'pause and resume'],
  ['?', 'this help'],
]

const STEPS: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 20, PageUp: -20 }

export type KeyTargets = {
  readonly list: () => HTMLElement | null
  readonly filter: () => HTMLInputElement | null
  readonly toggleHelp: () => void
}

/** The whole page answers to its keys, except where somebody writes, or a button has a use for the key itself. */
export function listenToKeys(session: Session, targets: KeyTargets): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (handled(event, session, targets)) event.preventDefault()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}

function handled(event: KeyboardEvent, session: Session, targets: KeyTargets): boolean {
  const { key } = event
  const at = event.target instanceof Element ? event.target : document.body
  // A dialog has keys of its own, Escape among them.
  if (at.closest('dialog') !== null) return false
  if (key === 'Escape') return left(at, session, targets)
  if (at.matches('input, select, textarea')) return false
  if (key === '/') targets.filter()?.focus()
  else if (key === '?') targets.toggleHelp()
  else if (key === 'p') session.togglePause()
  else if (at.matches('button, a, summary')) return stepped(key, session, targets)
  else if (key === ' ') session.togglePause()
  else if (key === 'Enter' && session.active !== undefined) session.open(session.active)
  else return stepped(key, session, targets)
  return true
}

function left(at: Element, session: Session, targets: KeyTargets): boolean {
  if (at instanceof HTMLInputElement && at.value !== '') session.filterBy('', session.kinds)
  else if (session.opened !== undefined) session.close()
  else if (!(at instanceof HTMLInputElement)) return false
  targets.list()?.focus()
  return true
}

/** The newest exchange is on top. */
function stepped(key: string, session: Session, { list }: KeyTargets): boolean {
  const { shown } = session.log
  if (shown.length === 0) return false
  const now = shown.findLastIndex(({ id }) => id === session.active)
  const step = STEPS[key]
  let next = now
  if (key === 'Home') next = shown.length - 1
  else if (key === 'End') next = 0
  else if (step !== undefined) next = now < 0 ? shown.length - 1 : now - step
  else return false
  session.activate(shown[Math.min(shown.length - 1, Math.max(0, next))]?.id)
  list()?.focus({ preventScroll: true })
  return true
}
