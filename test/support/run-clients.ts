import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import { mulligan, runScene } from './mulligan.js'
import { answer } from './upstream.js'

/** A program that asks for two URLs and prints what it gets, given nothing but what `mulligan run` sets. */
export type RunClient = {
  readonly name: string
  /** Succeeds where the program is installed. */
  readonly probe: readonly string[]
  /** The command; the two URLs are added to it. @param folder for files of its own */
  readonly command: (folder: string) => readonly string[]
  /** It never goes through a proxy to this machine itself. */
  readonly sparesLoopback?: true
  readonly flags?: readonly string[]
}

/** What clients of JSON APIs take for a list, and others for a text. */
const list = (text: string): string => JSON.stringify({ object: 'list', has_more: false, data: [{ id: text }] })

const isThere = ([command = '', ...args]: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** A proxy of the company: whatever the private daemon dials, it dials through this. */
async function startNextHop(t: Test): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = []
  const server = createServer().on('connect', (request, client) => {
    asked.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => client.write('HTTP/1.1 200 Established\r\n\r\n'))
    upstream.on('error', () => client.destroy()).pipe(client)
    client.on('error', () => upstream.destroy()).pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/**
 * The proof for one client: an API that is down at first answers after all, over a certificate of ours; another is
 * reached through a tunnel that nobody looks into, over its own certificate, which only the parent's variable vouches for.
 */
export async function proveClient(t: Test, client: RunClient): Promise<void> {
  if (!isThere(client.probe)) return t.comment(`skipped: ${client.name} is not installed`) as unknown as undefined
  const { upstream, env, folder } = await runScene(t, ({ path, number }) => {
    if (number === 1) return answer(503, 'down', 'Retry-After: 0')
    const body = path.startsWith('/sealed') ? list('sealed') : list('second shot')
    return answer(200, body, 'Content-Type: application/json')
  })
  const hop = await startNextHop(t)
  const flags = ['--proxy-loopback', ...(client.flags ?? [])]
  const urls = ['https://api.test/shot', `https://localhost:${upstream.port}/sealed`]
  const args = ['run', ...flags, '--', ...client.command(folder), ...urls]
  const ended = await mulligan(args, { ...env, HTTPS_PROXY: hop.url }, '', fileURLToPath(packageRoot()))
  t.equal(ended.code, 0, ended.stderr)
  t.match(ended.stdout, /second shot[\s\S]*sealed/)
  const [down, shot, sealed, ...more] = upstream.seen
  t.equal(down?.path, shot?.path)
  t.match(shot?.head, /\r\nVia: 1\.1 mulligan-/)
  t.match(sealed?.path, /^\/sealed/)
  t.notMatch(sealed?.head, /\r\nVia:/i)
  t.same(more, [], 'the client was told of one answer each')
  const own = `localhost:${upstream.port}`
  t.same(
    hop.asked,
    client.sparesLoopback ? [own] : [own, own],
    'it went through the daemon, and that through its next hop',
  )
}
