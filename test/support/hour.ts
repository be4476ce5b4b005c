import { setTimeout as sleep } from 'node:timers/promises'

const HOUR = 3_600_000

/**
 * Resolves when this hour lasts for so many milliseconds more: at once, but for the end of one, since limits count by the
 * hours of the clock, and nothing is spent yet in the next.
 */
export async function hourWith(room: number): Promise<void> {
  const left = HOUR - (Date.now() % HOUR)
  if (left < room) await sleep(left)
}
