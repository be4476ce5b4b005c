import { randomBytes } from 'node:crypto'

export const ENCODINGS = ['plain', 'base64', 'base64url', 'percent', 'hex'] as const
type Encoding = (typeof ENCODINGS)[number]

type Canary = {
  readonly name: string
  readonly secret: string
  readonly forms: readonly (readonly [Encoding, string])[]
}

/** Secrets that are like no other text, and what is found of them in a text, however it is written. */
export class Canaries {
  readonly #all: Canary[] = []

  /** A new secret: it fits wherever a token does, and looks different in each encoding. */
  make(name: string): string {
    const digits = randomBytes(8).toString('hex').toUpperCase()
    return this.add(name, `kNry~~~+${digits.slice(0, 8)}z${digits.slice(8)}`)
  }

  /** One that somebody else made. */
  add(name: string, secret: string): string {
    this.#all.push({
      name,
      secret,
      forms: ENCODINGS.flatMap(encoding => formsOf(encoding, secret).map(form => [encoding, form] as const)),
    })
    return secret
  }

  get secrets(): readonly string[] {
    return this.#all.map(({ secret }) => secret)
  }

  get names(): readonly string[] {
    return this.#all.map(({ name }) => name)
  }

  /** Those that are in it, each with the encoding. @param but names of those that may be */
  in(text: string | Buffer, but: readonly string[] = []): string[] {
    const exact = text.toString('latin1')
    const lower = exact.toLowerCase()
    return this.#all.flatMap(({ name, forms }) => {
      if (but.includes(name)) return []
      const found = forms.find(
        ([, form]) => exact.includes(form) || (form === form.toLowerCase() && lower.includes(form)),
      )
      return found === undefined ? [] : [`${name} in ${found[0]}`]
    })
  }
}

/** What is in lower case is found in any case. */
function formsOf(encoding: Encoding, secret: string): string[] {
  const bytes = Buffer.from(secret)
  switch (encoding) {
    case 'plain':
      return [secret.toLowerCase()]
    case 'base64':
    case 'base64url':
      // Also of what a form encodes first, as a client's name and secret are (RFC 6749 §2.3.1).
      return [secret, formEncoded(secret)].flatMap(text => [0, 1, 2].map(before => within(text, before, encoding)))
    case 'percent':
      return [encodeURIComponent(secret), formEncoded(secret), escaped(bytes)].map(text => text.toLowerCase())
    case 'hex':
      return [bytes.toString('hex')]
  }
}

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

const escaped = (bytes: Buffer): string => bytes.toString('hex').replace(/../g, '%$&')

/** As it is in a longer text. @param before bytes, modulo three, that stand before it */
function within(secret: string, before: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.from('x'.repeat(before) + secret)
    .toString(encoding)
    .replace(/=+$/, '')
  // The characters at either end share bits with what stands there.
  return text.slice(before === 0 ? 0 : before + 1, -1)
}

/** As somebody might write it, for a proof that it would be found. */
export function encoded(secret: string, encoding: Encoding): string {
  const bytes = Buffer.from(secret)
  if (encoding === 'plain')
    return secret.replace(/[a-z]/gi, c => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))
  if (encoding === 'percent') return escaped(bytes).toUpperCase()
  return Buffer.from(encoding === 'hex' ? bytes : `some:${secret}:more`).toString(encoding)
}
