import { REASONS } from '../src/policy/reasons.js'
import type { AttemptView, ExchangeView } from '../src/serving/views.js'

/**
 * What a stretch of an exchange was spent on: the cooldown gate before the first attempt · a connection · handing over
 * the request · waiting for the head of the answer · its body · and between two attempts sleeping, a new token, a payment.
 */
export type SpanKind = 'cooldown' | 'connect' | 'send' | 'wait' | 'body' | 'sleep' | 'refresh' | 'pay'

/** Milliseconds since the exchange began. */
export type Span = { readonly kind: SpanKind; readonly start: number; readonly end: number }

/** A line of the waterfall: an attempt with its phases, or what lies before the next. */
export type Row =
  | { readonly kind: 'attempt'; readonly attempt: AttemptView; readonly spans: readonly Span[]; readonly words: string }
  | { readonly kind: 'between'; readonly spans: readonly [Span]; readonly words: string }

/** Every millisecond that an attempt or a wait took is in exactly one span. */
export function rowsOf({ attempts, queued_ms, end }: ExchangeView): readonly Row[] {
  const rows: Row[] = []
  if (queued_ms > 0) {
    const words = 'the upstream told earlier requests to come back later; this one waited for its turn'
    rows.push({ kind: 'between', spans: [{ kind: 'cooldown', start: 0, end: queued_ms }], words })
  }
  for (const attempt of attempts) {
    const isLast = attempt.n === attempts.length
    rows.push({ kind: 'attempt', attempt, spans: phasesOf(attempt), words: decisionOf(attempt, isLast, end) })
    if (attempt.wait_ms > 0) rows.push(betweenOf(attempt))
  }
  return rows
}

/** How much of it was spent on what; kinds that took no time are missing. */
export function sumsOf(rows: readonly Row[]): ReadonlyMap<SpanKind, number> {
  const sums = new Map<SpanKind, number>()
  for (const { spans } of rows) {
    for (const { kind, start, end } of spans) sums.set(kind, (sums.get(kind) ?? 0) + end - start)
  }
  return sums
}

/** In words, where there are any: an older daemon may say more than this page knows. */
export function reasonOf(why: string): string {
  return Object.hasOwn(REASONS, why) ? REASONS[why as keyof typeof REASONS] : why
}

/** A phase that an attempt never reached lasts until its end; a reused connection costs nothing. */
function phasesOf({ outcome, start_ms, connected_ms, sent_ms, head_ms, end_ms, reused }: AttemptView): Span[] {
  // An answer may come before the whole request is sent (RFC 9112 §9.5): then nothing waits.
  // A tunnel sends nothing of its own: once it is there, bytes pass.
  const head = head_ms ?? (outcome === 'connected' ? connected_ms : null) ?? end_ms
  const connected = reused ? start_ms : (connected_ms ?? end_ms)
  const sent = Math.min(sent_ms ?? head, head)
  const marks: [SpanKind, number, number][] = [
    ['connect', start_ms, connected],
    ['send', connected, sent],
    ['wait', sent, head],
    ['body', head, end_ms],
  ]
  return marks.filter(([, start, end]) => end > start).map(([kind, start, end]) => ({ kind, start, end }))
}

function betweenOf({ why, end_ms, wait_ms }: AttemptView): Row {
  const kind = kindOf(why)
  return { kind: 'between', spans: [{ kind, start: end_ms, end: end_ms + wait_ms }], words: BETWEEN[kind](why) }
}

const kindOf = (why: string): 'sleep' | 'refresh' | 'pay' =>
  why.startsWith('token-') ? 'refresh' : why === 'paid' || why === 'not-paid' ? 'pay' : 'sleep'

const BETWEEN = {
  sleep: (why: string) =>
    why.startsWith('retry-after') ? `as long as it had to: ${reasonOf(why)}` : 'a growing pause, with jitter',
  refresh: (why: string) => `asked for another token: ${reasonOf(why)}`,
  pay: (why: string) => `the 402 and its terms: ${reasonOf(why)}`,
} as const

/** What was done about it, and why. */
function decisionOf({ why, outcome }: AttemptView, isLast: boolean, end: string | null): string {
  const reason = why === '' ? '' : `: ${reasonOf(why)}`
  if (!isLast) return `repeated${reason}`
  if (end === 'client-gone') return 'the client left'
  if (end !== null && end !== outcome) return `ended with ${end}${reason}`
  return /^\d+$/.test(outcome) ? `given to the client${reason}` : `not repeated${reason}`
}
