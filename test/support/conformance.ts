import { parseKit } from '../../src/conformance/load-kit.js'
import { type RunOptions, type RunResult, runConformance } from '../../src/conformance/run.js'
import { systemClock } from '../../src/time/clock.js'
import { seconds } from '../../src/time/units.js'
import { startIdempotentUpstream, type UpstreamBehaviour } from './idempotent-upstream.js'

export const SECRETS = { ALICE: 'alice-secret-token', BOB: 'bob-secret-token' }

const REST = `request:
  path: /orders
  body: { amount: 100, currency: EUR, ref: "{{uuid}}" }
id: /id
mutate: { pointer: /amount, value: 250 }
invalid: { pointer: /amount, value: -1 }
fault: { header: "X-Fault: 503" }
`
const MCP = `profile: adcp-mcp
carrier: json:/params/arguments/idempotency_key
request:
  path: /mcp
  body:
    jsonrpc: "2.0"
    id: 1
    method: tools/call
    params: { name: create_media_buy, arguments: { amount: 100, ref: "{{uuid}}" } }
id: /result/structuredContent/id
mutate: { pointer: /params/arguments/amount, value: 250 }
invalid: { pointer: /params/arguments/amount, value: -1 }
fault: { header: "X-Fault: 503" }
`

/** The kit of such an upstream. @param more further lines of it */
export const kitText = (url: string, mcp = false, more = ''): string =>
  `target: ${url}
sandbox: true
key_required: true
count: { path: /orders, pointer: /total }
credential: { secret: { env: ALICE } }
second_credential: { env: BOB }
cleanup: { path: "/orders/{{id}}" }
${mcp ? MCP : REST}${more}`

/** Everything about a run that a test may want to say. */
export type Checked = {
  readonly result: RunResult
  readonly failed: Record<string, string>
  readonly skipped: Record<string, string>
}

/** One whole run against an upstream that misbehaves in this way. */
export async function check(
  behaviour: UpstreamBehaviour,
  more = 'ttl: 24h\n',
  options: Partial<RunOptions> = {},
): Promise<Checked> {
  const upstream = await startIdempotentUpstream(behaviour)
  try {
    const kit = parseKit('kit.yaml', kitText(upstream.url, behaviour.mcp, more))
    return sum(await runConformance(kit, { ...OPTIONS, ...options }))
  } finally {
    await upstream.close()
  }
}

export const OPTIONS: RunOptions = {
  clock: systemClock,
  env: SECRETS,
  timeout: seconds(10),
  proxy: undefined,
  selected: undefined,
  say: () => undefined,
}

function sum(result: RunResult): Checked {
  const failed: Record<string, string> = {}
  const skipped: Record<string, string> = {}
  for (const { phase, verdict } of result.phases) {
    if (verdict.grade === 'fail') failed[phase] = verdict.code
    if (verdict.grade === 'not_applicable') skipped[phase] = verdict.detail
  }
  return { result, failed, skipped }
}
