/** Why a text is not what it should be, and what is allowed: the message half of a problem. */
export type Wrong = { readonly wrong: string }

export const wrong = (message: string): Wrong => ({ wrong: message })

export const isWrong = (value: unknown): value is Wrong =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'wrong')
