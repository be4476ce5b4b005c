import { type Answer, describeAnswer } from './answer.js'
import type { Probe, Resolved } from './probe.js'
import { failed, inapplicable, passed, type Verdict } from './verdict.js'

/** `in_flight`: duplicates that race are one execution. */
export async function inFlight(probe: Probe): Promise<Verdict> {
  const { parallel } = probe.world.kit
  const before = await probe.count()
  const frozen = probe.freeze()
  const first = await probe.sendTogether(Array.from({ length: parallel }, () => frozen))
  const ended = await Promise.all(first.map(answer => probe.resolve(frozen, answer)))
  const made = ended.flatMap(({ answer }) => (answer.outcome === 'success' ? [answer.id] : []))
  const ids = new Set(made).size
  const added = await probe.added(before)
  if (added === undefined ? ids > 1 : added > 1)
    return failed('duplicate_concurrent', `${parallel} at once made ${added ?? ids} resources`, {
      learned: { in_flight: 'none' },
    })
  if (ended.some(({ exceeded }) => exceeded))
    return failed('in_flight_wait_exceeded', 'a duplicate was still told to wait when 30 s were over')
  const odd = ended.find(made.length === 0 ? () => true : isOdd)
  if (odd !== undefined)
    return inapplicable('request_refused', `one of ${parallel} was answered ${describeAnswer(odd.answer)}`)
  const met = ended.filter(one => one.met).length
  if (met === 0 && !overlap(first))
    return inapplicable('no_overlap', 'the first answer was here before the last request was sent')
  const advisories = ids > 1 ? [{ code: 'ids_differ', text: 'one resource, and several ids of it' }] : []
  const how = met > 0 ? `${met} were told to come back` : 'the others waited for its answer'
  return passed(`${parallel} at once, one execution; ${how}`, {
    advisories,
    learned: { in_flight: met > 0 ? 'reject' : 'wait' },
  })
}

/** Neither what was made nor a refusal of the duplicate. */
const isOdd = ({ answer }: Resolved): boolean => answer.outcome !== 'success' && answer.status !== 409

/** `in_flight_mismatch`: another body while the first one runs is a mismatch, and not something to wait for. */
export async function inFlightMismatch(probe: Probe): Promise<Verdict> {
  const frozen = probe.freeze()
  const changed = probe.freeze({ patch: probe.world.kit.mutate }, frozen.operation)
  const both = await probe.sendTogether([frozen, changed])
  const [one, other] = both
  if (one === undefined || other === undefined) throw new Error('two requests have two answers')
  if (one.outcome === 'success' && other.outcome === 'success') {
    if (one.id === other.id) return hidden('the other body was answered with what the first one made')
    if (!overlap(both)) return inapplicable('no_overlap', 'one was answered before the other was sent')
    return inapplicable('no_lock', 'both ran at the same time: a key that runs is not held')
  }
  const lost = one.outcome === 'success' ? other : other.outcome === 'success' ? one : undefined
  if (lost === undefined)
    return inapplicable('request_refused', `the two were answered ${describeAnswer(one)} and ${describeAnswer(other)}`)
  if (lost.outcome === 'in_flight') return hidden(`the other body was told to come back (${describeAnswer(lost)})`)
  if (lost.outcome !== 'conflict' && lost.status !== 400)
    return inapplicable('request_refused', `the other body was answered ${describeAnswer(lost)}`)
  if (!overlap(both)) return inapplicable('no_overlap', 'one was answered before the other was sent')
  return passed(`refused at once with ${describeAnswer(lost)}`)
}

const hidden = (text: string): Verdict => passed(text, { advisories: [{ code: 'mismatch_hidden', text }] })

/** Every request was out before the first answer came. */
function overlap(answers: readonly Answer[]): boolean {
  const lastSent = Math.max(...answers.map(({ reply }) => reply.sentAt))
  return lastSent < Math.min(...answers.map(({ reply }) => reply.answeredAt))
}
