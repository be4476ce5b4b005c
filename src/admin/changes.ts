import type { Clock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { Answers } from './answers.js'
import type { Managed } from './managed.js'
import { AdminProblem } from './problem.js'
import { credentialAnswer } from './status.js'

/** Who asks for a token by hand waits at most so long. */
const REFRESHED_WITHIN = seconds(20)

/** `POST /v1/reload`. @throws AdminProblem */
export async function reloadAnswer({ reload }: Managed): Promise<Answers['reload']> {
  const result = await reload()
  if (!result.ok) throw new AdminProblem('config_refused', result.report)
  return { reloaded: true, needs_restart: result.needsRestart }
}

/** `POST /v1/credentials/:name/refresh`. @throws AdminProblem */
export async function refreshAnswer({ credentials }: Managed, name: string, clock: Clock): Promise<Answers['refresh']> {
  const all = credentials()
  const isRenewed = await all?.refresh(name, clock.monotonic() + REFRESHED_WITHIN)
  const status = all?.statuses().find(status => status.name === name)
  if (isRenewed === undefined || status === undefined)
    throw new AdminProblem('not_found', `there is no credential ${JSON.stringify(name)}`)
  const credential = credentialAnswer(status)
  if (isRenewed) return { credential }
  const { retry_after_s, error, state } = credential
  const why = error ?? (state === 'renewing' ? 'its source takes longer than 20s' : 'it was renewed just now')
  throw new AdminProblem('refresh_failed', why, retry_after_s > 0 ? { 'retry-after': String(retry_after_s) } : {})
}

/** `POST /v1/breakers/:origin/reset`. @throws AdminProblem */
export async function resetAnswer({ serving }: Managed, origin: string): Promise<Answers['resetBreaker']> {
  if (await serving.resetBreaker(origin)) return { origin, reset: true }
  throw new AdminProblem('not_found', `nothing is known of the origin ${JSON.stringify(origin)}`)
}
