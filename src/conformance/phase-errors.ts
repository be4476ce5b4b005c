import { type Answer, describeAnswer } from './answer.js'
import type { Frozen } from './operation.js'
import type { Probe, SendOptions } from './probe.js'
import { failed, inapplicable, PhaseOver, passed, type Verdict } from './verdict.js'

/** `error_release_4xx`: an invalid request does not lock its key for the valid one. */
export async function errorRelease4xx(probe: Probe): Promise<Verdict> {
  const { kit, profile } = probe.world
  if (kit.invalid === undefined) return inapplicable('no_invalid_sample', 'the kit has no invalid sample')
  const frozen = probe.freeze()
  const bad = await probe.patiently(probe.freeze({ patch: kit.invalid }, frozen.operation))
  if (bad.outcome === 'success' || bad.outcome === 'broken')
    return inapplicable('invalid_sample_accepted', `the invalid sample was answered ${describeAnswer(bad)}`)
  const good = await probe.patiently(frozen)
  const said = `invalid ${describeAnswer(bad)}, then valid ${describeAnswer(good)}`
  if (good.outcome === 'success') return passed(`${said}: released`, { learned: { on_4xx: 'released' } })
  if (good.outcome === 'broken') return inapplicable('request_refused', said)
  const same = good.marker !== undefined || good.reply.body.equals(bad.reply.body) || sameError(good, bad)
  if (!same && isConflict(good)) {
    const learned = { on_4xx: 'bound' } as const
    if (profile.mayBindAfter4xx) return passed(`${said}: the key stays bound to the invalid body`, { learned })
    return failed('error_cached', `${said}: the key is lost to the invalid body`, { learned })
  }
  return failed('error_cached', said, { learned: { on_4xx: 'stored' } })
}

const isConflict = ({ outcome, status }: Answer): boolean => outcome === 'conflict' || status === 409

const sameError = (a: Answer, b: Answer): boolean => a.status === b.status && a.code !== undefined && a.code === b.code

/** `error_release_5xx`: a failure of the server does not become the answer of its key, and leaves nothing to do twice. */
export async function errorRelease5xx(probe: Probe): Promise<Verdict> {
  const { kit, profile } = probe.world
  if (kit.fault === undefined) return inapplicable('no_fault_hook', 'the kit cannot make a request fail')
  const before = await probe.count()
  const frozen = probe.freeze()
  const first = await probe.patiently(frozen, await arm(probe))
  if (first.outcome !== 'broken')
    return inapplicable('fault_hook_without_effect', `with the fault it was answered ${describeAnswer(first)}`)
  const again = await settled(probe, frozen)
  const said = `first ${describeAnswer(first)}, then ${describeAnswer(again)}`
  if (again.outcome === 'success') return judge5xx(await probe.added(before), said)
  if (again.outcome === 'broken') {
    const control = await probe.patiently(probe.freeze())
    if (control.outcome !== 'success')
      return inapplicable('fault_hook_without_effect', `${said}, and so was a fresh key: the fault does not end`)
    if (profile.mayStore5xx) return passed(`${said}: stored`, { learned: { on_5xx: 'stored' } })
  }
  return failed('error_cached', `${said}: the key is lost`, { learned: { on_5xx: 'stored' } })
}

function judge5xx(added: number | undefined, said: string): Verdict {
  if (added !== undefined && added > 1)
    return failed('duplicate_after_5xx', `${said}: ${added} resources`, { learned: { on_5xx: 'executed' } })
  return passed(`${said}: released`, { learned: { on_5xx: 'released' } })
}

/** The header that makes the request fail; or, having asked for it, none. */
async function arm(probe: Probe): Promise<SendOptions> {
  const { kit, client, identify, templates } = probe.world
  if (kit.fault === undefined) return {}
  if ('header' in kit.fault) return { headers: { [kit.fault.header[0]]: kit.fault.header[1] } }
  const { method, path } = kit.fault
  const { status } = await client.send({ method, path: templates.path(path), headers: identify('first') })
  if (status >= 400) throw new PhaseOver('fault_hook_without_effect', `the fault hook was answered ${status}`)
  return {}
}

async function settled(probe: Probe, frozen: Frozen): Promise<Answer> {
  const answer = await probe.patiently(frozen)
  return answer.outcome === 'in_flight' ? (await probe.resolve(frozen, answer)).answer : answer
}

/** `auth_not_cached`: a refusal of whoever asks does not become the answer of the key. */
export async function authNotCached(probe: Probe): Promise<Verdict> {
  if (probe.world.kit.credential === undefined)
    return inapplicable('no_second_credential', 'the kit has no credential, so there is no bad one')
  const frozen = probe.freeze()
  const bad = await probe.patiently(frozen, { as: 'nobody' })
  if (bad.outcome === 'success')
    return inapplicable('bad_credential_accepted', `a credential that is none was answered ${describeAnswer(bad)}`)
  if (!isRefusal(bad)) return inapplicable('request_refused', `a bad credential was answered ${describeAnswer(bad)}`)
  const good = await settled(probe, frozen)
  const said = `bad credential ${describeAnswer(bad)}, good one ${describeAnswer(good)}`
  if (good.outcome === 'success') return passed(said)
  if (isRefusal(good) || isConflict(good)) return failed('auth_error_cached', said)
  return inapplicable('request_refused', said)
}

const isRefusal = ({ outcome, status }: Answer): boolean => outcome === 'unauthorized' || status === 403

/** `scope`: a key of one client means nothing to another. */
export async function scope(probe: Probe): Promise<Verdict> {
  if (probe.world.kit.secondCredential === undefined)
    return inapplicable('no_second_credential', 'the kit has one client only')
  const frozen = probe.freeze()
  const mine = await probe.create(frozen)
  const theirs = await probe.patiently(frozen, { as: 'second' })
  const said = describeAnswer(theirs)
  if (theirs.outcome === 'success' && theirs.id === mine.id)
    return failed('cross_scope_replay', 'another client that sent the same key was shown the resource of the first')
  if (theirs.outcome === 'success') return passed('the same key of another client is another request')
  if (isConflict(theirs) || theirs.outcome === 'in_flight') {
    const text = `another client is told (${said}) that the key is taken`
    return passed(text, { advisories: [{ code: 'key_shared', text }] })
  }
  return inapplicable('second_credential_refused', `the other client was answered ${said}`)
}
