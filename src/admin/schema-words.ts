import { z } from 'zod'
import { PHASES } from '../policy/types.js'

/** Whatever answers on that port, a terminal must not act on it. */
export const said = (about = '') => described(z.string().transform(printable), about)

const printable = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '.')

export const count = (about: string) => z.number().nonnegative().describe(about)

/** Fractions of milliseconds. */
export const millis = (about: string) => z.number().describe(about)

export const flag = (about: string) => z.boolean().describe(about)

/** RFC 3339, in UTC. */
export const time = (about: string) => z.iso.datetime().describe(about)

/** Money: atomic units, as digits. */
export const units = (about: string) => z.string().regex(/^\d+$/).describe(`${about} In atomic units.`)

export const list = <T extends z.ZodType>(item: T, about: string) => z.array(item).describe(about)

export const one = <T extends z.ZodRawShape>(shape: T) => z.looseObject(shape)

const since = (about: string) => millis(`${about} Since the exchange began.`)

/** One of an exchange. */
export const attempt = one({
  n: count('From 1.'),
  outcome: said('A status, or the name of a fault.'),
  phase: z.enum(PHASES).nullable().describe('How far a fault let it come.'),
  why: said("Why it was repeated, or why not: the log's word."),
  start_ms: since('Its start.'),
  connected_ms: since('It had a connection.').nullable(),
  sent_ms: since('The last byte of the request was handed over.').nullable(),
  head_ms: since('The head of its answer was there.').nullable(),
  end_ms: since('Its end.'),
  wait_ms: millis('Between its end and the next attempt.'),
  reused: flag('Its connection had carried another.'),
  bytes_sent: count('Of the request.'),
  hints: list(z.tuple([said(), said()]), 'Of a refused answer: what says when to come back. Name and value.'),
})

function described<T extends z.ZodType>(type: T, about: string): T {
  return about === '' ? type : type.describe(about)
}
