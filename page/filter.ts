import type { ExchangeView } from '../src/serving/views.js'

export type Filter = (exchange: ExchangeView) => boolean

export const NO_FILTER: Filter = () => true

/** From here on an exchange is slow, in milliseconds. */
const SLOW_MS = 1_000

/** An answer to an earlier request with its key is no failure. */
const GIVEN_AGAIN: ReadonlySet<string> = new Set(['replayed', 'shared'])

/** Such as the chips of the page name; `is:failed` in the text says the same. */
export const KINDS = {
  failed: ({ status, end }) => status === 0 || status >= 400 || (end !== null && !GIVEN_AGAIN.has(end)),
  repeated: ({ attempts }) => attempts.length > 1,
  paid: ({ spend }) => spend !== null,
  keyed: ({ key }) => key !== null,
  slow: ({ duration_ms, mode }) => duration_ms >= SLOW_MS && mode !== 'tunnel' && mode !== 'upgrade',
} as const satisfies Record<string, Filter>

export type Kind = keyof typeof KINDS

export const KIND_NAMES = Object.keys(KINDS) as readonly Kind[]

/** What may stand before a colon: the exchange's texts that it is compared with. */
const TERMS: Readonly<Record<string, (exchange: ExchangeView) => readonly string[]>> = {
  method: ({ method }) => [method],
  route: ({ route }) => [route],
  mode: ({ mode }) => [mode],
  end: ({ end }) => [end ?? ''],
  why: ({ attempts }) => attempts.map(({ why }) => why),
  outcome: ({ attempts }) => attempts.map(({ outcome }) => outcome),
  key: ({ key }) => [key ?? ''],
  id: ({ id }) => [id],
}

/**
 * Words and terms, all of which must hold: `orders status:5xx -method:get why:retry-after is:slow "two words"`. A word is
 * looked for in method, URL, route, status and end; a `-` turns one round; upper and lower case are the same.
 */
export function parseFilter(text: string, kinds: readonly Kind[] = []): Filter {
  const tests = [...(text.match(/-?(?:[a-z]+:)?"[^"]*"?|\S+/gi) ?? []).map(testOf), ...kinds.map(kind => KINDS[kind])]
  return tests.length === 0 ? NO_FILTER : exchange => tests.every(test => test(exchange))
}

function testOf(word: string): Filter {
  if (word.length > 1 && word.startsWith('-')) {
    const test = testOf(word.slice(1))
    return exchange => !test(exchange)
  }
  const [, name = '', rest = ''] = /^([a-z]+):(.*)$/i.exec(word) ?? []
  const value = rest.replaceAll('"', '').toLowerCase()
  // While a term is being written it must not empty the list.
  if (name !== '' && value === '' && isTerm(name)) return NO_FILTER
  if (name === 'status') return statusTest(value)
  if (name === 'is' && isKind(value)) return KINDS[value]
  const texts = Object.hasOwn(TERMS, name) ? TERMS[name] : undefined
  if (texts !== undefined) return exchange => texts(exchange).some(text => text.toLowerCase().includes(value))
  return plainTest(word.replaceAll('"', '').toLowerCase())
}

const isTerm = (name: string): boolean => name === 'status' || name === 'is' || Object.hasOwn(TERMS, name)

const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text)

/** `503`, `5xx`, `50`: as far as it is written. */
function statusTest(value: string): Filter {
  const begin = value.replace(/x+$/, '')
  return ({ status }) => String(status).startsWith(begin)
}

function plainTest(word: string): Filter {
  return ({ method, url, route, status, end }) =>
    `${method} ${url} ${route} ${status} ${end ?? ''}`.toLowerCase().includes(word)
}
