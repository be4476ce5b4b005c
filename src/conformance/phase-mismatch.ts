import { createHash } from 'node:crypto'
import { valueAt } from '../json/read.js'
import { type Answer, describeAnswer } from './answer.js'
import type { Kit } from './kit.js'
import type { Frozen } from './operation.js'
import type { Probe } from './probe.js'
import { failed, inapplicable, passed, type Verdict } from './verdict.js'

/** `mismatch`: a key with another body is refused, does nothing, and tells nothing. */
export async function mismatch(probe: Probe): Promise<Verdict> {
  const { kit } = probe.world
  const before = await probe.count()
  const frozen = probe.freeze()
  const first = await probe.create(frozen)
  const changed = probe.freeze({ patch: kit.mutate }, frozen.operation)
  const second = await probe.patiently(changed)
  const added = await probe.added(before)
  const said = describeAnswer(second)
  if (second.outcome === 'success' && second.id === first.id && (added ?? 1) === 1)
    return failed('silently_replayed', 'another body was answered with what the first one made', {
      learned: { mismatch: 'replayed' },
    })
  if (second.outcome === 'success' || (added !== undefined && added > 1))
    return failed('executed_second', `one key with two bodies was executed twice; the second was answered ${said}`, {
      learned: { mismatch: 'executed' },
    })
  if (![400, 409, 422].includes(second.status) && second.outcome !== 'conflict')
    return inapplicable('request_refused', `the other body was answered ${said}`)
  const learned = { mismatch: 'rejected', mismatch_status: second.status } as const
  const leak = leakOf(second, first, frozen, kit)
  if (leak !== undefined) return failed('conflict_leaks', `refused with ${said}, which holds ${leak}`, { learned })
  return passed(`refused with ${said}`, { learned })
}

/** What a refusal tells about the request that it is not: whoever guesses a key could read it. */
function leakOf(
  conflict: Answer,
  first: Answer & { readonly id: string },
  frozen: Frozen,
  kit: Kit,
): string | undefined {
  const holds = (text: string) => conflict.text.includes(text)
  if (first.id.length >= 4 && !frozen.body.includes(first.id) && holds(first.id)) return 'the id of the first answer'
  if (holds(createHash('sha256').update(frozen.body).digest('hex'))) return 'a hash of the first request'
  const name = kit.mutate.at.at(-1) ?? ''
  const was = JSON.stringify(valueAt(kit.request.body, kit.mutate.at))
  const told = namesAndValues(conflict.json).some(([key, value]) => key === name && JSON.stringify(value) === was)
  if (told) return `what "${name}" was in the first request`
  // Long texts of the first answer, such as a token or a link, that the client has not sent itself.
  const texts = namesAndValues(first.json).flatMap(([, value]) => (typeof value === 'string' ? [value] : []))
  const secret = (text: string) => text.length >= 12 && /\d/.test(text) && !frozen.body.includes(text)
  return texts.some(text => secret(text) && holds(text)) ? 'something of the first answer' : undefined
}

/** Every member of every block, with its name. */
function namesAndValues(value: unknown): [name: string, value: unknown][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [
    [name, inner] as [string, unknown],
    ...namesAndValues(inner),
  ])
}
