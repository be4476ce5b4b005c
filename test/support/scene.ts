import type { Test } from 'tap'
import { QUICK, startTestDaemon, type TestDaemon } from './daemon.js'
import { type Script, startUpstream, type TestUpstream, type UpstreamOptions } from './upstream.js'

export type Scene = { readonly upstream: TestUpstream; readonly daemon: TestDaemon; readonly url: string }

/** A scripted upstream and the real daemon, both gone when the test is over. @returns also the URL of `/items` there */
export async function scene(t: Test, script: Script, yaml = QUICK, options: UpstreamOptions = {}): Promise<Scene> {
  const upstream = await startUpstream(script, options)
  const daemon = await startTestDaemon(yaml)
  t.teardown(async () => {
    await upstream.close()
    await daemon.close()
  })
  return { upstream, daemon, url: `${upstream.url}/items` }
}

/** One route for everything, with short backoff and whatever the lines say: `breaker: off`, `timeout: { total: 1s }`. */
export function oneRoute(...settings: string[]): string {
  const retry = settings.some(line => line.startsWith('retry:'))
    ? []
    : ['retry: { backoff: { base: 10ms, cap: 20ms } }']
  const lines = ['name: all', 'match: { host: "*" }', ...retry, ...settings]
  return `routes:\n  - ${lines.join('\n    ')}\n`
}
