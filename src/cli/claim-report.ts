import { claimAnswer } from '../admin/claim-view.js'
import type { ClaimView } from '../idempotency/claim-list.js'
import { type Paint, table } from './paint.js'
import { describeSpan } from './span.js'

const COLOUR = { 'in-flight': 'cyan', completed: 'green', 'no-body': 'green', uncertain: 'yellow' } as const

const MEANING: Readonly<Record<ClaimView['state'], string>> = {
  'in-flight': 'it is being sent',
  completed: 'its answer is replayed',
  'no-body': 'it was done, and its answer was not kept',
  uncertain: 'it may have been done, and nobody knows',
}

/** For people, a line each. @param now Unix milliseconds */
export function claimsTable(claims: readonly ClaimView[], paint: Paint, now: number): string {
  if (claims.length === 0) return 'No keys.\n'
  const head = ['ref', 'state', 'status', 'request', 'route', 'key', 'since', 'free in'].map(name => paint('dim', name))
  const rows = claims.map(claim => [
    claim.ref,
    paint(COLOUR[claim.state], claim.state),
    claim.status === undefined ? '-' : String(claim.status),
    requestOf(claim),
    shown(claim.route),
    hintOf(claim),
    describeSpan((now - claim.claimedAt) / 1_000),
    describeSpan((claim.expiresAt - now) / 1_000),
  ])
  const open = claims.filter(({ state }) => state === 'uncertain').length
  const todo = `\n${open} uncertain: ${open === 1 ? 'it' : 'each'} may have been done, and nobody knows. Look at the upstream, then:
  mulligan idem resolve REF --executed|--not-executed\n`
  return `${table([head, ...rows])}${open === 0 ? '' : todo}`
}

/** For people, all that is known. @param now Unix milliseconds */
export function describeClaim(claim: ClaimView, paint: Paint, now: number): string {
  const { ref, state, route, status, claimedAt, expiresAt } = claim
  const rows: [string, string][] = [
    ['ref', ref],
    ['state', `${paint(COLOUR[state], state)}: ${MEANING[state]}`],
    ...(status === undefined ? [] : [['status', String(status)] satisfies [string, string]]),
    ['request', requestOf(claim)],
    ['route', shown(route)],
    ['key', hintOf(claim)],
    ['since', `${new Date(claimedAt).toISOString()}, ${describeSpan((now - claimedAt) / 1_000)} ago`],
    ['free', `${new Date(expiresAt).toISOString()}, in ${describeSpan((expiresAt - now) / 1_000)}`],
  ]
  return table(rows.map(([name, says]) => [paint('cyan', name), says]))
}

/** For programs: as the admin side tells it. */
export const claimsJson = (claims: readonly ClaimView[]): string =>
  `${JSON.stringify(claims.map(claimAnswer), undefined, 2)}\n`

const requestOf = ({ method, origin }: ClaimView): string => shown(`${method} ${origin}`)

const hintOf = ({ keyHint }: ClaimView): string => (keyHint === '' ? '-' : `${shown(keyHint)}…`)

/** Whoever wrote it into the store, the terminal must not act on it. */
const shown = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '.')
