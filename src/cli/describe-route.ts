import type { Route } from '../config/config.js'
import { formatMillis } from '../time/units.js'
import { idempotencyRows } from './describe-idempotency.js'
import { paymentRows } from './describe-payment.js'
import { formatSize } from './format-size.js'

/** What each policy of a route says, a row each. */
export function policyRows(route: Route): [name: string, says: string][] {
  const { timeout, retry, cooldown, breaker, body, credential } = route
  const spans = [`total ${formatMillis(timeout.total)}`, `per try ${formatMillis(timeout.per_try)}`]
  spans.push(`connect ${formatMillis(timeout.connect)}`, `idle ${formatMillis(timeout.idle)}`)
  return [
    ['timeout', spans.join(', ')],
    ...retryRows(retry),
    ['cooldown', cooldown === undefined ? 'off' : `after ${cooldown.on.join(', ')}; ${cooldown.queue} may wait`],
    [
      'breaker',
      breaker === undefined
        ? 'off'
        : `opens for ${formatMillis(breaker.open)} after ${breaker.failures} failures in a row, or ${breaker.ratio * 100}% of at least ${breaker.min_requests} in ${formatMillis(breaker.window)}`,
    ],
    ['body', `kept to repeat: ${formatSize(body.memory)} in memory, up to ${formatSize(body.spill)} on disk`],
    ...(credential === undefined ? [] : [['credential', credential] satisfies [string, string]]),
    ...paymentRows(route),
    ...idempotencyRows(route),
  ]
}

function retryRows(retry: Route['retry']): [string, string][] {
  if (retry === undefined) return [['retry', 'off']]
  const { backoff, retry_after, budget } = retry
  const longer = retry_after.when_longer === 'cap' ? 'longer ones are cut to that' : 'longer ones end it'
  return [
    [
      'retry',
      `${retry.attempts} tries on ${retry.statuses.join(', ')}${retry.network ? ' and failed connections' : ''}`,
    ],
    ['', `POST and PATCH that may have been applied: ${retry.non_idempotent}`],
    [
      '',
      `waits of up to ${formatMillis(backoff.base)}, doubling to ${formatMillis(backoff.cap)}; Retry-After to ${formatMillis(retry_after.max)}, ${longer}`,
    ],
    ['', `budget of ${budget.ratio * 100}% of requests plus ${budget.min_per_second} per second`],
  ]
}
