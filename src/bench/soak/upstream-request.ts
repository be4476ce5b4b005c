import type { IncomingMessage } from 'node:http'
import type { Act, Errand } from './errand.js'

/** What the client asks the upstream to do, as fields of its request. */
export type Wish = Pick<Errand, 'uploads' | 'answers' | 'form' | 'acts'> & { readonly id: number }

/** Fields that only the two ends of the soak understand. */
export function wishFields({ id, uploads, answers, form, acts }: Wish): Record<string, string> {
  return {
    'x-soak-id': String(id),
    'x-soak-wish': `${uploads} ${answers} ${form} ${acts.join(' ')}`.trimEnd(),
  }
}

export function wishOf({ headers }: IncomingMessage): Wish {
  const [uploads, answers, form, ...acts] = String(headers['x-soak-wish'] ?? '').split(' ')
  return {
    id: Number(headers['x-soak-id'] ?? 0),
    uploads: Number(uploads),
    answers: Number(answers),
    form: form as Wish['form'],
    acts: acts as Act[],
  }
}

/** Whose answer it is, and how long its body is meant to be. */
export const ECHO = 'x-soak-echo'
export const LENGTH = 'x-soak-length'
