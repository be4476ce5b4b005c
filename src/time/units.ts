/** Numbers with a unit. A raw header value or config string cannot reach a timer without passing through here. */
declare const unit: unique symbol

/** A span of time in milliseconds. */
export type Millis = number & { readonly [unit]: 'ms' }

export const millis = (n: number): Millis => n as Millis
export const seconds = (n: number): Millis => millis(n * 1_000)

/** The longest delay a Node timer keeps; above it (and for NaN) `setTimeout` fires at once. */
export const MAX_TIMER = millis(2 ** 31 - 1)

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 }

/** `200ms`, `1.5s`, `2m`, `1h`, `1d` as milliseconds, rounded up; `undefined` for anything else. */
export function parseDuration(text: string): Millis | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  const factor = DURATION_UNITS[match?.[2] ?? '']
  return match === null || factor === undefined ? undefined : millis(Math.ceil(Number(match[1]) * factor))
}

/** `512B`, `64KiB`, `16MiB`, `1GiB` as bytes; `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(B|KiB|MiB|GiB)$/.exec(text)
  const factor = SIZE_UNITS[match?.[2] ?? '']
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor
}

/** `2.1s` or `340ms`: for people, so two significant digits are enough. */
export function formatMillis(span: number): string {
  return span < 1_000 ? `${Math.round(span)}ms` : `${Number((span / 1_000).toFixed(1))}s`
}

/** Milliseconds to a tenth, as records and views tell them. */
export const tenths = (ms: number): number => Math.round(ms * 10) / 10

/** By tenths. */
const SHORT_SPANS = Array.from({ length: 1_000 }, (_, n) => String(n / 10))

/** The same as text, for what is written for every request: a fraction takes long to become text. */
export function tenthsText(ms: number): string {
  const all = Math.round(ms * 10)
  return SHORT_SPANS[all] ?? String(all / 10)
}
