import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, seconds } from '../time/units.js'
import { type Fetched, type Source, SourceError } from './source.js'

/** How long one call to a source may take, unless told (TR-03). */
const DEADLINE = seconds(15)

type Ends = {
  /** See `Source.fetch`. */
  readonly refused: () => string | undefined
  /** Told once, unless the call was ended before. */
  readonly landed: (answer: Fetched | SourceError) => void
  /** The source let go: told once, at `landed` or, after a deadline, when the source obeyed its signal. */
  readonly settled: () => void
}

/** Asks `source` for a token. @param deadline whatever its own limits are @returns ends the call */
export function ask(
  source: Source,
  clock: Clock,
  { refused, landed, settled }: Ends,
  deadline: Millis = DEADLINE,
): Cancel {
  const abort = new AbortController()
  let flying = true
  const land = (answer: Fetched | SourceError) => {
    if (!flying) return
    end()
    landed(answer)
  }
  const end = () => {
    flying = false
    stopClock()
  }
  const stopClock = clock.schedule(deadline, () => {
    abort.abort()
    land(new SourceError(`no answer within ${deadline / 1_000} s`, false))
  })
  void fetchFrom(source, abort.signal, refused).then(answer => {
    settled()
    land(answer)
  })
  return () => {
    end()
    abort.abort()
  }
}

async function fetchFrom(
  source: Source,
  signal: AbortSignal,
  refused: Ends['refused'],
): Promise<Fetched | SourceError> {
  try {
    return await source.fetch(signal, refused)
  } catch (error) {
    if (error instanceof SourceError) return error
    // A bug. Its message may quote what the source was reading: only the name of its kind is safe to repeat (T8).
    return new SourceError(
      `the source broke (${error instanceof Error ? error.constructor.name : typeof error})`,
      false,
    )
  }
}
