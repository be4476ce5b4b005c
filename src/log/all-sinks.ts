type Sink<T> = (record: T) => void

/** Tells all of them; `undefined` where nobody listens, so that whoever would tell can save the trouble. */
export function toAll<T>(first: Sink<T>, ...sinks: readonly (Sink<T> | undefined)[]): Sink<T>
export function toAll<T>(...sinks: readonly (Sink<T> | undefined)[]): Sink<T> | undefined
export function toAll<T>(...sinks: readonly (Sink<T> | undefined)[]): Sink<T> | undefined {
  const [first, second, ...more] = sinks.filter(sink => sink !== undefined)
  if (first === undefined || second === undefined) return first
  const rest = toAll(second, ...more)
  return record => {
    first(record)
    rest(record)
  }
}
