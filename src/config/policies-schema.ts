import { z } from 'zod'
import { seconds } from '../time/units.js'
import {
  choice,
  duration,
  headerName,
  integer,
  key,
  list,
  lowerHeaderName,
  number,
  offable,
  size,
  status,
  yesNo,
} from './scalars.js'

const backoff = z
  .strictObject({
    base: key(
      'Upper bound of the first wait; doubles with every repeat. 250ms, or `cap` if that is less.',
      duration(),
    ).optional(),
    cap: key('No wait of its own choice is longer; the jitter is full, from 10ms.', duration().prefault('8s')),
  })
  .transform(({ base, cap }) => ({ base: base ?? (Math.min(250, cap) as typeof cap), cap }))

const retryAfter = z.strictObject({
  max: key('Longest wait that an upstream may ask for.', duration('1s').prefault('60s')),
  when_longer: key(
    '`return` gives the answer at once; `cap` waits `max`, then repeats.',
    choice('return', 'cap').default('return'),
  ),
})

const retryBudget = z.strictObject({
  ratio: key('Repeats allowed per first attempt, over 10 s and per upstream origin.', number(0.01, 1).default(0.2)),
  min_per_second: key('Repeats that are always allowed.', number(0, 1_000).default(1)),
})

const resetHeader = z.strictObject({
  remaining: key('Field that says how much is left; acts at 0.', lowerHeaderName()),
  reset: key('Field that says when there is more.', lowerHeaderName()),
})

const retry = z.strictObject({
  attempts: key('Tries in total, the first included; 1 repeats nothing.', integer(1, 20).default(3)),
  statuses: key('Answers worth another try.', list(status(), 0, 64).default([408, 425, 429, 500, 502, 503, 504])),
  network: key('Repeat failures of the connection.', yesNo().default(true)),
  non_idempotent: key(
    'POST and PATCH after the upstream may have acted: `never` repeat them, only when `keyed` by an idempotency key that the upstream honours, or `always` (unsafe: an effect may happen twice). When left out: `keyed` where `idempotency.upstream` is other than none, else `never`.',
    choice('never', 'keyed', 'always'),
  ).optional(),
  backoff: key('Waits when the upstream names none.', backoff.prefault({})),
  retry_after: key('Waits that the upstream names.', retryAfter.prefault({})),
  budget: key('Keeps repeats from becoming a storm.', retryBudget.prefault({})),
  tell_client: key(
    'Add `x-should-retry: false` to the last answer, so that the client does not repeat in turn.',
    yesNo().default(true),
  ),
  attempt_header: key(
    'Header that carries the number of the attempt upstream; none when left out.',
    headerName(),
  ).optional(),
  reset_headers: key('Vendor fields that name a reset.', list(resetHeader, 0, 16).default([])),
})

const cooldown = z.strictObject({
  on: key('Answers whose wait is shared by all requests to that origin.', list(status(), 1, 16).default([429, 503])),
  queue: key(
    'Requests that may wait, `limits.queue` when left out; more are answered 429.',
    integer(1, 100_000),
  ).optional(),
})

const breaker = z.strictObject({
  failures: key('Failures in a row that open it.', integer(1, 10_000).default(5)),
  ratio: key('Or this share of failures within `window`.', number(0.01, 1).default(0.5)),
  min_requests: key('The share counts from this many requests on.', integer(1, 100_000).default(20)),
  window: key('What the share looks back on.', duration('1s', '10m').prefault('10s')),
  open: key('First time it stays open; doubles up to 60s while probes fail.', duration('100ms', '60s').prefault('5s')),
})

/** `body` of a route. */
export const body = z
  .strictObject({
    memory: key('What of a request body is kept in memory to repeat it.', size('0B', '256MiB').prefault('1MiB')),
    spill: key(
      'Beyond that, up to here, in a private file; a longer body flows once and cannot be repeated. 32MiB, or `memory` if that is more; 0B for no file.',
      size('0B', '16GiB'),
    ).optional(),
  })
  .transform(({ memory, spill }) => ({ memory, spill: spill ?? Math.max(32 * 1_048_576, memory) }))

/** `timeout` of a route; what is left out follows from `total`. */
export const timeout = z
  .strictObject({
    total: key(
      'From the request until the head of the answer goes to the client, waits and repeats included.',
      duration('10ms').prefault('60s'),
    ),
    per_try: key('One attempt until its head; half of `total` when left out.', duration('10ms')).optional(),
    connect: key(
      'To reach the upstream, TLS included; 5s, or `total` if that is less.',
      duration('1ms', '10m'),
    ).optional(),
    idle: key('Silence in the middle of a body.', duration('10ms').prefault('60s')),
  })
  .transform(({ total, per_try, connect, idle }) => ({
    total,
    per_try: per_try ?? (Math.ceil(total / 2) as typeof total),
    connect: connect ?? (Math.min(seconds(5), total) as typeof total),
    idle,
  }))

/** `retry`, `cooldown` and `breaker` of a route: blocks that can be switched off. */
export const offableRetry = offable(retry)
export const offableCooldown = offable(cooldown)
export const offableBreaker = offable(breaker)
