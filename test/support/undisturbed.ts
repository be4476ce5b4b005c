import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Tries of one measurement. */
const TRIES = 8
/** How exactly it is known for how long nothing ran, in milliseconds. */
const RESOLUTION = 10

/**
 * What `act` gives when the machine let this process run all the while. A process that was held up finds its deadlines
 * passed before it could do anything about them, and its clock ahead: nothing that is measured then says anything, and
 * `act` is done anew. After the last try what came counts, so that nothing that blocks the process by itself gets by.
 * @param stall milliseconds for which nothing may run
 */
export async function undisturbed<T>(act: () => Promise<T>, stall = 60, tries = TRIES): Promise<T> {
  for (;;) {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION })
    delay.enable()
    const result = await act()
    // What held us up at the very end is seen by the next look.
    await sleep(2 * RESOLUTION)
    delay.disable()
    if (delay.max < stall * 1e6 || --tries === 0) return result
  }
}
