import type { Clock, Random } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'
import type { TokenAnswer } from './token-answer.js'

/** Calls within one flight (TR-04). */
const ATTEMPTS = 3
/** Before the second call, doubled before the third: all who wait hear of a failing server within a second. */
const FIRST_PAUSE = 100

/** Asks again, a few times and soon, where that may help; a server that asks for more time gets it from the cool-down. */
export async function askPatiently(
  ask: () => Promise<TokenAnswer>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): Promise<TokenAnswer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask()
    if (answer.kind !== 'failed' || !answer.again || attempt >= ATTEMPTS) return answer
    const pause = millis(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + random() / 2))
    if ((answer.retryAfter ?? 0) > pause) return answer
    await passed(clock, pause, signal)
    if (signal.aborted) return answer
  }
}

/** Resolves when the time is over, or the signal says that nobody waits for it. */
export function passed(clock: Clock, delay: Millis, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const cancel = clock.schedule(delay, () => {
      signal.removeEventListener('abort', leave)
      resolve()
    })
    const leave = () => {
      cancel()
      resolve()
    }
    signal.addEventListener('abort', leave, { once: true })
  })
}
