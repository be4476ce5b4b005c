import { randomBytes } from 'node:crypto'
import { valueAt } from '../json/read.js'
import { formatMillis, type Millis, millis, parseDuration, seconds } from '../time/units.js'
import { describeAnswer, readAnswer } from './answer.js'
import { newOperation } from './operation.js'
import type { Probe } from './probe.js'
import { type Advisory, failed, inapplicable, passed, type Verdict } from './verdict.js'

/** AdCP, security, rule R7. */
const ADCP_TTL = { least: seconds(3_600), most: seconds(604_800) }

/** `declare`: somebody says that keys work, and for how long. */
export async function declare(probe: Probe): Promise<Verdict> {
  const { kit, profile } = probe.world
  const said = kit.profile === 'adcp-mcp' ? await capabilities(probe) : { supported: undefined, ttl: undefined }
  if (said.supported === false) return inapplicable('supported_false', 'the target declares that it knows no keys')
  const ttl = said.ttl ?? kit.ttl
  if (ttl === undefined) {
    if (profile.ttlRequired) return failed('undeclared', 'the target does not declare how long a key is good')
    return passed('nobody says how long a key is good', {
      advisories: [{ code: 'undeclared', text: 'the kit has no ttl; look it up in the documentation of the API' }],
    })
  }
  const advisories: Advisory[] = []
  if (profile.ttlRequired && (ttl < ADCP_TTL.least || ttl > ADCP_TTL.most))
    advisories.push({ code: 'ttl_out_of_range', text: `${ttl / 1_000} s; AdCP has 3600 to 604800` })
  return passed(`keys are good for ${lifetime(ttl)}, says the ${said.ttl === undefined ? 'kit' : 'target'}`, {
    advisories,
  })
}

/** `24h`, or `90s`. */
const lifetime = (span: Millis): string => (span % 3_600_000 === 0 ? `${span / 3_600_000}h` : formatMillis(span))

/** What an AdCP agent says of itself in `get_adcp_capabilities`. */
async function capabilities(probe: Probe): Promise<{ supported: boolean | undefined; ttl: Millis | undefined }> {
  const { kit, client, clock, identify, templates } = probe.world
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_adcp_capabilities', arguments: {} } }
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream;q=0.9',
    ...kit.request.headers,
    ...identify('first'),
  }
  const body = Buffer.from(JSON.stringify(call))
  const reply = await client.send({ method: 'POST', path: templates.path(kit.request.path), headers, body })
  const { json } = readAnswer(reply, kit, clock.now())
  const at = (name: string) => valueAt(json, ['result', 'structuredContent', 'adcp', 'idempotency', name])
  const supported = at('supported')
  const ttl = at('replay_ttl_seconds')
  return {
    supported: typeof supported === 'boolean' ? supported : undefined,
    ttl: typeof ttl === 'number' && ttl > 0 ? seconds(ttl) : undefined,
  }
}

/** A key may end this much before and after its time; AdCP allows a skew of 60 s. */
const EARLY = seconds(5)
const LATE = parseDuration('65s') ?? seconds(65)

/** `ttl`: a key is good for as long as was said, as far as the kit lets us wait. */
export async function ttl(probe: Probe): Promise<Verdict> {
  const { ttl: declared, ttlProbe } = probe.world.kit
  if (declared === undefined || ttlProbe === undefined)
    return inapplicable('ttl_not_probed', 'the kit does not ask for it (ttl and ttl_probe)')
  const frozen = probe.freeze()
  const first = await probe.create(frozen)
  const startedAt = probe.world.clock.monotonic()
  const early = millis(Math.min(ttlProbe, Math.max(declared - EARLY, declared / 2)))
  await probe.pause(early)
  const second = await probe.patiently(frozen)
  const said = `${formatMillis(early)} later it was answered ${describeAnswer(second)}`
  if (second.outcome !== 'success' && second.outcome !== 'conflict') return inapplicable('request_refused', said)
  if (second.id !== first.id)
    return failed('ttl_short', `a key that is good for ${lifetime(declared)} was gone: ${said}`)
  if (ttlProbe < declared + LATE) return passed(`still known: ${said}`)
  await probe.pause(millis(Math.max(0, declared + LATE - (probe.world.clock.monotonic() - startedAt))))
  const third = await probe.patiently(frozen)
  const kept = third.outcome === 'success' && third.id === first.id
  const advisories = kept ? [{ code: 'kept_longer', text: 'the key is still known when its time is over' }] : []
  return passed(`known until its end, then ${describeAnswer(third)}`, { advisories })
}

const LENGTHS = [16, 36, 64, 255] as const

/** `key_limits`: which keys are taken; never a failure. */
export async function keyLimits(probe: Probe): Promise<Verdict> {
  const advisories: Advisory[] = []
  for (const length of LENGTHS) {
    const answer = await probe.patiently(probe.freeze({}, newOperation(randomText(length))))
    if (answer.outcome !== 'success')
      advisories.push({
        code: `length_${length}`,
        text: `a key of ${length} characters was answered ${describeAnswer(answer)}`,
      })
  }
  if (probe.world.kit.carrier.in === 'header') {
    const answer = await probe.patiently(probe.freeze({ key: 'quoted' }))
    if (answer.outcome !== 'success')
      advisories.push({ code: 'quoted', text: `a key in quotes was answered ${describeAnswer(answer)}` })
  }
  return passed(advisories.length === 0 ? 'every form of key is taken' : 'some forms of key are refused', {
    advisories,
  })
}

/** Letters and digits only. */
const randomText = (length: number): string => randomBytes(length).toString('hex').slice(0, length)
