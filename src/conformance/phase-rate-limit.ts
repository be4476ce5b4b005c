import { type Millis, millis, seconds } from '../time/units.js'
import { type Answer, describeAnswer } from './answer.js'
import { withOtherKey } from './operation.js'
import { LONGEST_WAIT, type Probe } from './probe.js'
import { trip } from './trip.js'
import { type Advisory, type FailCode, failed, inapplicable, passed, type Verdict } from './verdict.js'

/** Rounds in which the limiter may go on refusing everybody. */
const PATIENCE = 3
/** A finding counts when it is there twice in a row. */
const CERTAIN = 2
const BACKOFF = [seconds(1), seconds(2), seconds(4)] as const

/** What the replay and its control say together. */
type Round = 'fine' | 'rate_limit_cached' | 'key_poisoned' | 'unclear'

/**
 * `rate_limit_not_cached`: a refusal for the rate limit does not become the answer of its key. One request is refused;
 * after its Retry-After the same key and bytes go out again, and a control with a fresh key and the same body: whatever
 * the control gets is what the key should get.
 */
export async function rateLimitNotCached(probe: Probe): Promise<Verdict> {
  const { kit, profile } = probe.world
  const tripped = await trip(probe)
  if (tripped.kind === 'over') return tripped.verdict
  const { frozen, answer, sent } = tripped
  const advisories: Advisory[] = []
  const told = answer.retryAfter
  if (told === undefined && profile.retryAfterRequired)
    return failed(
      'missing_retry_after',
      `request ${sent} was refused (${describeAnswer(answer)}) without a time to come back`,
    )
  if (told === undefined) advisories.push({ code: 'missing_retry_after', text: 'the refusal has no Retry-After' })
  if (told !== undefined && told > LONGEST_WAIT)
    return failed('replay_wait_exceeded', `the refusal asks for ${told / 1_000} s; at most 30 are waited`)
  if (kit.trip.together > 1)
    advisories.push({
      code: 'concurrent_trip',
      text: `${kit.trip.together} at once; AdCP trips with one after the other`,
    })
  const verdict = await replayRounds(probe, frozen, told ?? BACKOFF[0])
  return {
    ...verdict,
    text: `refused after ${sent} requests; ${verdict.text}`,
    advisories: [...advisories, ...verdict.advisories],
  }
}

async function replayRounds(probe: Probe, frozen: ReturnType<Probe['freeze']>, first: Millis): Promise<Verdict> {
  let wait = first
  let unclear = 0
  let before: Round = 'unclear'
  for (;;) {
    await probe.pause(wait)
    const replay = (await resolveTwin(probe, frozen)).answer
    const control = await probe.send(probe.freeze({}, withOtherKey(frozen.operation)))
    const round = judge(replay, control)
    const said = `the key got ${describeAnswer(replay)}, a fresh one ${describeAnswer(control)}`
    if (round === 'fine') return released(said, before)
    if (round === 'unclear' && ++unclear >= PATIENCE)
      return inapplicable('limiter_not_cleared', `${PATIENCE} waits later the limiter still refused fresh keys too`)
    if (round !== 'unclear' && round === before) return pinned(round, said)
    before = round
    wait = nextWait(replay, control, unclear)
    if (wait > LONGEST_WAIT)
      return failed('replay_wait_exceeded', `told to wait ${wait / 1_000} s more; at most 30 are waited`)
  }
}

/** The refused request may, to an upstream that queues, still be under way. */
async function resolveTwin(probe: Probe, frozen: ReturnType<Probe['freeze']>) {
  const answer = await probe.send(frozen)
  return answer.outcome === 'in_flight' ? probe.resolve(frozen, answer) : { answer }
}

function judge(replay: Answer, control: Answer): Round {
  if (replay.outcome === 'success') return 'fine'
  if (replay.outcome === 'limited') {
    if (replay.marker !== undefined || control.outcome !== 'limited') return 'rate_limit_cached'
    return 'unclear'
  }
  // The same error of whoever handles requests is not the key's fault.
  if (replay.outcome === control.outcome && replay.status === control.status) return 'fine'
  return control.outcome === 'limited' ? 'unclear' : 'key_poisoned'
}

function released(said: string, before: Round): Verdict {
  const once = before === 'rate_limit_cached' || before === 'key_poisoned'
  const advisories = once ? [{ code: 'flapped', text: 'the round before looked otherwise' }] : []
  return passed(said, { advisories, learned: { on_429: 'released' } })
}

function pinned(code: FailCode & Round, said: string): Verdict {
  return failed(code, `${said}, ${CERTAIN} times of ${CERTAIN}`, {
    learned: { on_429: code === 'key_poisoned' ? 'poisoned' : 'stored' },
  })
}

/** As long as the refusals ask, or longer from round to round. */
function nextWait(replay: Answer, control: Answer, round: number): Millis {
  const asked = Math.max(replay.retryAfter ?? 0, control.retryAfter ?? 0)
  return asked > 0 ? millis(asked) : (BACKOFF[round] ?? BACKOFF[2])
}
