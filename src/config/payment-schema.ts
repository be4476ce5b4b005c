import { z } from 'zod'
import { choice, duration, integer, key, list, name, number, offable, yesNo } from './scalars.js'
import { amounts, evmAddress } from './wallets-schema.js'

const payment = z.strictObject({
  wallet: key('Wallet that pays.', name()),
  max: key(
    "Most that one request may cost; a symbol that is not named is not paid with. The wallet's `per_request` when left out.",
    amounts(),
  ).optional(),
  versions: key('Versions of x402 that are spoken.', list(integer(1, 2), 1, 2).default([2, 1])),
  accept_body_v2: key('Take terms of version 2 that stand in the body alone.', yesNo().default(false)),
  pay_to: key(
    'Recipients that may be paid; when empty here and at the wallet, each origin keeps its first.',
    list(evmAddress(), 0, 1_024).default([]),
  ),
  max_timeout: key('Longest life of a payment that is not taken.', duration('10s', '1h').prefault('120s')),
  when_longer: key(
    'An offer that asks for a longer life: `clamp` signs for `max_timeout`, `refuse` does not pay.',
    choice('clamp', 'refuse').default('clamp'),
  ),
  drift: key('Refuse above this many times the last price; no such limit when left out.', number(1, 1_000)).optional(),
  resource: key(
    '`origin` refuses terms for a resource of another host, `any` takes them.',
    choice('origin', 'any').default('origin'),
  ),
  allow_insecure: key('Pay over plain http to other machines.', yesNo().default(false)),
  hold: key('How long a paid answer is kept for a client that left.', duration('0s', '1h').prefault('60s')),
})

/** `payment` of a route. */
export const offablePayment = offable(payment)
