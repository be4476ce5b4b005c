import { describeAnswer } from './answer.js'
import { withOtherKey } from './operation.js'
import type { Probe } from './probe.js'
import { type Advisory, failed, inapplicable, passed, type Verdict } from './verdict.js'

/** `missing_key`: a request without a key is refused, where keys are not optional. */
export async function missingKey(probe: Probe): Promise<Verdict> {
  const { kit, profile } = probe.world
  const before = await probe.count()
  const answer = await probe.patiently(probe.freeze({ key: 'none' }))
  const said = describeAnswer(answer)
  if (answer.outcome === 'success') {
    const required = kit.keyRequired ?? profile.keyRequired
    if (!required) return inapplicable('key_optional', `without a key it was answered ${said}, and keys are optional`)
    return failed('accepted_without_key', `a request without a key was answered ${said}`)
  }
  if (answer.status >= 500) return inapplicable('request_refused', `without a key it was answered ${said}`)
  const added = await probe.added(before)
  if (added !== undefined && added > 0)
    return failed('accepted_without_key', `refused with ${said}, and yet something was made`)
  return passed(`refused with ${said}`)
}

/** `replay_equal`: the same key and bytes again are the same answer, and no second execution. */
export async function replayEqual(probe: Probe): Promise<Verdict> {
  const before = await probe.count()
  const frozen = probe.freeze()
  const first = await probe.create(frozen)
  const second = await probe.patiently(frozen)
  const added = await probe.added(before)
  const said = describeAnswer(second)
  if (added !== undefined && added > 1)
    return failed('reexecuted', `one key made ${added} resources`, { learned: { mode: 'none' } })
  if (second.outcome !== 'success') {
    const mode = second.outcome === 'conflict' || second.outcome === 'in_flight' ? 'reject' : 'latest'
    return failed('replay_differs', `first ${first.status}, then ${said}`, { learned: { mode } })
  }
  if (second.id !== first.id) {
    if (added === undefined) return failed('reexecuted', 'the repeat has another id', { learned: { mode: 'none' } })
    return failed('replay_differs', 'the repeat has another id, though nothing was made', {
      learned: { mode: 'latest' },
    })
  }
  if (second.status !== first.status)
    return failed('replay_differs', `first ${first.status}, then ${said}`, { learned: { mode: 'latest' } })
  const advisories: Advisory[] = []
  if (!first.reply.body.equals(second.reply.body))
    advisories.push({ code: 'bytes_differ', text: 'the repeat has the same id, and other bytes' })
  if (second.marker === undefined) advisories.push({ code: 'no_marker', text: 'nothing says that it is a repeat' })
  const text = second.marker === undefined ? 'same status and id' : `same status and id, marked by ${second.marker}`
  return passed(text, { advisories, learned: { mode: 'replay', marker: second.marker } })
}

/** `lost_response`: an answer that never arrived does not make the repeat a second execution. */
export async function lostResponse(probe: Probe): Promise<Verdict> {
  const before = await probe.count()
  const frozen = probe.freeze()
  await probe.cut(frozen)
  const { answer, exceeded } = await probe.resolve(frozen, await probe.patiently(frozen))
  if (exceeded) return failed('in_flight_wait_exceeded', 'the request that was cut off still ran when 30 s were over')
  const said = describeAnswer(answer)
  if (answer.outcome !== 'success' && answer.status !== 409)
    return inapplicable('request_refused', `the repeat was answered ${said}`)
  const added = await probe.added(before)
  if (added !== undefined && added > 1)
    return failed('duplicate_after_abort', `cut off and repeated, it made ${added} resources`)
  if (added === 1) return passed(`one resource; the repeat was answered ${said}`)
  if (answer.marker !== undefined) return passed(`the repeat is marked by ${answer.marker}`)
  const why = added === 0 ? 'the count does not move' : 'the kit has no count, and the repeat no marker'
  return inapplicable('no_id_or_count', `${why}: nobody can say whether it ran twice`)
}

/** `fresh_key`: the same body under another key is another request. */
export async function freshKey(probe: Probe): Promise<Verdict> {
  const frozen = probe.freeze()
  const first = await probe.create(frozen)
  const second = await probe.create(probe.freeze({}, withOtherKey(frozen.operation)))
  if (second.id === first.id)
    return failed('content_dedup', 'the same body under another key was answered with the same id')
  return passed('another key makes another resource')
}
