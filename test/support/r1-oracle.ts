import type { MethodClass, Phase } from '../../src/policy/types.js'

/**
 * The 25 answers of the truth table; `+` marks a `Retry-After: 2`.
 * All but 421 and 413, which the rule brings along, are `statuses` of the route under test if they are marked in it.
 */
export const ANSWERS =
  '200 204 304 400 401 402 403 404 408 409 413 413+ 421 422 425 429 429+ 500 501 502 503 503+ 504 520 529'.split(' ')

/** The route's `statuses`: the defaults and the two of a content network. */
export const STATUSES = [408, 425, 429, 500, 502, 503, 504, 520, 529]

/**
 * Rule R1 written down by hand, one letter per answer in the order above, for a route with the default settings.
 * `.` final · `r` repeat · `h` repeat after the hint · `x` unsafe to repeat
 */
export const ANSWERED: Readonly<Record<MethodClass, string>> = {
  //      200 204 304 400 401 402 403 404 408 409 413 413+ 421 422 425 429 429+ 500 501 502 503 503+ 504 520 529
  safe: '  .   .   .   .   .   .   .   .   r   .   .   h    r   .   r   r   h    r   .   r   r   h    r   r   r',
  keyed: ' .   .   .   .   .   .   .   .   r   .   .   h    r   .   r   r   h    x   .   x   x   h    x   x   x',
  resumable: '.  .   .   .   .   .   .   .   r   .   .   h    r   .   r   r   h    r   .   r   r   h    r   r   r',
  bare: '  .   .   .   .   .   .   .   .   r   .   .   h    r   .   r   r   h    x   .   x   x   h    x   x   x',
}

/** The same rule for faults: what happens, whatever `statuses` says. */
export const FAULTED: Readonly<
  Record<Exclude<Phase, 'answered'>, readonly [safe: string, keyed: string, bare: string]>
> = {
  dns: ['never-sent', 'never-sent', 'never-sent'],
  connect: ['never-sent', 'never-sent', 'never-sent'],
  tls: ['never-sent', 'never-sent', 'never-sent'],
  certificate: ['STOP certificate', 'STOP certificate', 'STOP certificate'],
  unsent: ['never-sent', 'never-sent', 'never-sent'],
  stream_refused: ['never-sent', 'never-sent', 'never-sent'],
  stale: ['FREE stale-connection', 'FREE stale-connection', 'STOP unsafe-to-repeat'],
  reset: ['network', 'network', 'STOP unsafe-to-repeat'],
  timeout: ['network', 'network', 'STOP unsafe-to-repeat'],
  junk: ['network', 'network', 'STOP unsafe-to-repeat'],
  committed: ['STOP committed', 'STOP committed', 'STOP committed'],
}
