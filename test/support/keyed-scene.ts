import type { Test } from 'tap'
import { type Answer, request } from './client.js'
import { ClientLane } from './client-lane.js'
import { startTestDaemon, type TestDaemon } from './daemon.js'
import { type Script, startUpstream, type TestUpstream, type UpstreamOptions } from './upstream.js'

export const JSON_TYPE = 'Content-Type: application/json'

/** No ceiling for new keys that a test could come near to. */
export const NO_CEILING = 'rate: { per_second: 100000, burst: 1000000 }'

export type KeyedScene = {
  readonly upstream: TestUpstream
  readonly daemon: TestDaemon
  /** A POST of JSON to `/orders` on a connection of its own. @param fields further ones */
  readonly post: (body: string, ...fields: string[]) => Promise<Answer>
  /** The same with this key in `Idempotency-Key`. */
  readonly keyed: (key: string, body?: string, ...fields: string[]) => Promise<Answer>
  /** The same as `keyed` on connections that stay open, as many as are needed at once. */
  readonly reusing: (key: string, body?: string, ...fields: string[]) => Promise<Answer>
}

/** One route to a port of this machine, with short backoff unless its lines say otherwise. */
export function keyedRoute(port: number, lines: readonly string[]): string {
  const retry = lines.some(line => line.startsWith('retry:')) ? [] : ['retry: { backoff: { base: 10ms, cap: 20ms } }']
  return [
    'routes:',
    '  - name: api',
    `    match: { host: 127.0.0.1, port: ${port} }`,
    ...[...retry, ...lines].map(line => `    ${line}`),
    '',
  ].join('\n')
}

/** An upstream, and a daemon whose one route has these lines; claims are kept in memory unless `top` names a store. */
export async function keyedScene(
  t: Test,
  script: Script,
  lines: readonly string[],
  { top = 'store: memory', ...options }: UpstreamOptions & { readonly top?: string } = {},
): Promise<KeyedScene> {
  const upstream = await startUpstream(script, options)
  t.teardown(() => upstream.close())
  const daemon = await startTestDaemon(`${top}\n${keyedRoute(upstream.port, lines)}`)
  t.teardown(() => daemon.close())
  const url = `${upstream.url}/orders`
  const free: ClientLane[] = []
  t.teardown(() => {
    for (const lane of free) lane.close()
  })
  const post = (body: string, ...fields: string[]) =>
    request(daemon.port, url, { method: 'POST', body, fields: [JSON_TYPE, ...fields] })
  const reusing = async (key: string, body = '{}', ...fields: string[]) => {
    const lane = free.pop() ?? new ClientLane(daemon.port)
    const got = await lane.ask(url, {
      method: 'POST',
      body,
      fields: [JSON_TYPE, `Idempotency-Key: ${key}`, ...fields],
    })
    free.push(lane)
    return got
  }
  return {
    upstream,
    daemon,
    post,
    keyed: (key, body = '{}', ...fields) => post(body, `Idempotency-Key: ${key}`, ...fields),
    reusing,
  }
}
