import { openSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig } from '../config/load.js'
import { createLog } from '../log/log.js'
import { startDaemon } from '../main.js'
import { parseKit } from './load-kit.js'
import { type RunOptions, type RunResult, runConformance } from './run.js'
import { startSampleApi } from './sample-api.js'

const CLIENTS = ['first-client', 'second-client'] as const

/** The replay cache does all the work, and its ceiling for new keys is the limiter that is met. */
const CONFIG = `version: 1
routes:
  - name: self-test
    match: { host: 127.0.0.1 }
    retry: off
    idempotency:
      replay: { rate: { per_second: 10, burst: 30 }, on_5xx: release }
`

const kitOf = (target: string): string => `name: mulligan
target: ${target}
sandbox: true
key_required: true
request: { path: /orders, body: { amount: 100, reference: "{{uuid}}" } }
id: /id
mutate: { pointer: /amount, value: 250 }
invalid: { pointer: /amount, value: -1 }
count: { path: /orders, pointer: /total }
credential: { secret: ${CLIENTS[0]} }
second_credential: ${CLIENTS[1]}
fault: { header: "X-Fail: 503" }
cleanup: { path: "/orders/{{id}}" }
ttl: 24h
ttl_probe: 250ms
`

/** Checks our own replay cache, in front of an API that never looks at a key. @param folder private, and gone afterwards */
export async function runSelfTest(folder: string, options: Omit<RunOptions, 'proxy'>): Promise<RunResult> {
  const overrides = { listen: '127.0.0.1:0', admin: 'off', state: folder }
  const { config } = parseConfig('self-test', CONFIG, {}, overrides)
  const log = createLog({ ...config.log, format: 'json' }, false, openSync(join(folder, 'daemon.log'), 'w'))
  const api = await startSampleApi(
    CLIENTS.map(client => `Bearer ${client}`),
    options.clock,
  )
  const daemon = await startDaemon(config, {}, log)
  try {
    const [address] = daemon.proxy
    const proxy = address?.kind === 'tcp' ? `http://127.0.0.1:${address.port}` : ''
    return await runConformance(parseKit('self-test', kitOf(api.url)), { ...options, proxy })
  } finally {
    await daemon.drain()
    await api.close()
    await log.flush()
  }
}
