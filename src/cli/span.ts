const UNITS: readonly (readonly [letter: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
]

/** `2h 3m`: a span for people, in whole seconds and its two largest units. */
export function describeSpan(seconds: number): string {
  let left = Math.max(0, Math.round(seconds))
  const parts = UNITS.map(([letter, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return { count, text: `${count}${letter}` }
  })
  const first = parts.findIndex(({ count }) => count > 0)
  if (first < 0) return '0s'
  const shown = parts.slice(first, first + 2).filter(({ count }) => count > 0)
  return shown.map(({ text }) => text).join(' ')
}
