import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { parseConfig } from '../../src/config/load.js'
import { type Daemon, startDaemon } from '../../src/main.js'
import { seconds } from '../../src/time/units.js'

/** A log record `exchange`, as the daemon wrote it. */
type LoggedExchange = {
  readonly id: string
  readonly route: string
  readonly mode: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly status: number
  readonly end?: string
  readonly attempts: readonly { n: number; outcome: string; why: string; wait_ms: number; reused: boolean }[]
  readonly duration_ms: number
  readonly bytes_in: number
  readonly bytes_out: number
}

export type TestDaemon = {
  readonly daemon: Daemon
  readonly port: number
  readonly url: string
  /** Its state directory. */
  readonly state: string
  /** Every line logged so far, parsed. */
  readonly lines: Record<string, unknown>[]
  readonly exchanges: () => LoggedExchange[]
  /** Resolves when `count` exchange records are there. */
  readonly logged: (count: number) => Promise<LoggedExchange[]>
  /** Another configuration for what comes next. */
  readonly reload: (yaml: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** A fast default for tests: the built-in route, with short backoff. */
export const QUICK = `
routes:
  - name: all
    match: { host: "*" }
    retry: { backoff: { base: 10ms, cap: 20ms } }
`

/** `LANE=node`, `LANE=fast`: how all requests come in, whatever the configuration says. */
const LANE = process.env['LANE']

/** The real daemon in this process, on a port of its own, under a configuration given as YAML. @param admin `off` or an address */
export async function startTestDaemon(
  yaml: string = QUICK,
  listen = '127.0.0.1:0',
  env: NodeJS.ProcessEnv = process.env,
  admin = 'off',
): Promise<TestDaemon> {
  const state = mkdtempSync(join(tmpdir(), 'mulligan-test-'))
  const configOf = (text: string) => {
    const { config } = parseConfig('test.yaml', text, env, { listen, admin, state })
    // What holds up a test and its upstreams holds up this daemon: it need not turn requests away for that.
    const limits = text.includes('event_loop_lag') ? config.limits : { ...config.limits, event_loop_lag: seconds(60) }
    const fast_lane = LANE === undefined ? config.listen.fast_lane : LANE === 'fast'
    return { ...config, limits, listen: { ...config.listen, fast_lane } }
  }
  const config = configOf(yaml)
  const lines: Record<string, unknown>[] = []
  let waiting: (() => void)[] = []
  const write = (text: string) => {
    lines.push(JSON.parse(text) as Record<string, unknown>)
    for (const wake of waiting.splice(0)) wake()
  }
  const log = {
    logger: pino({ level: 'info', base: null }, { write }),
    write,
    sync: () => undefined,
    flush: async () => undefined,
  }
  const daemon = await startDaemon(config, env, log)
  const exchanges = () => lines.filter(line => line['msg'] === 'exchange') as unknown as LoggedExchange[]
  const address = daemon.proxy[0]
  const port = address?.kind === 'tcp' ? address.port : 0
  return {
    daemon,
    port,
    url: `http://127.0.0.1:${port}`,
    state,
    lines,
    exchanges,
    logged: async count => {
      while (exchanges().length < count) await new Promise<void>(resolve => waiting.push(resolve))
      return exchanges()
    },
    reload: text => daemon.reload(configOf(text)),
    close: async () => {
      waiting = []
      await daemon.drain()
      rmSync(state, { recursive: true, force: true })
    },
  }
}
