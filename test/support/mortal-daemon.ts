import type { Test } from 'tap'
import { type LiveDaemon, startLive } from './live-daemon.js'
import type { Home } from './mulligan.js'

/** A daemon that dies and comes back, on another port and with the same state. */
export type MortalDaemon = {
  /** `undefined` while it is dead. */
  readonly live: () => LiveDaemon | undefined
  /** kill -9, its end, and a new one. @returns milliseconds from its start to `ready` */
  readonly die: () => Promise<number>
}

export async function startMortal(t: Test, home: Home): Promise<MortalDaemon> {
  let live: LiveDaemon | undefined = await startLive(t, home, 'off')
  const die = async () => {
    const dead = live
    live = undefined
    dead?.kill('SIGKILL')
    await dead?.gone
    const since = performance.now()
    live = await startLive(t, home, 'off')
    return performance.now() - since
  }
  return { live: () => live, die }
}
