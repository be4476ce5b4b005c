import type { Fetch } from '../credential/direct-fetch.js'
import type { Millis } from '../time/units.js'

/** Gives a question up that is not answered whole within this time: one that nobody else watches may last for good. */
export function patientFetch(fetch: Fetch, within: Millis): Fetch {
  return async (url, init) => {
    const late = AbortSignal.timeout(within)
    const signal = init.signal === undefined ? late : AbortSignal.any([init.signal, late])
    try {
      return await fetch(url, { ...init, signal })
    } catch (error) {
      throw late.aborted ? Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }) : error
    }
  }
}
