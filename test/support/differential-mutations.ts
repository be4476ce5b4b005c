import { connect } from 'node:net'
import { startTestDaemon } from './daemon.js'
import { type DebianProxy, type RunningProxy, startDebianProxy } from './debian-proxies.js'
import { keyOf } from './differential-peers.js'
import { Dice, SEED } from './fuzz.js'
import { requestBytes } from './request-mutations.js'
import { readRequests, type StrictRequest } from './strict-request.js'
import { startStrictUpstream } from './strict-upstream.js'

const HOST = '127.2.2.2'
const ROUTE = `routes: [{ name: all, match: { host: ${HOST} }, retry: off, breaker: off, cooldown: off }]`
/** Longer than any answer takes here, in milliseconds. */
const PATIENCE = 5_000

const BAD_PERCENT = /^[^\r\n]*%(?![\da-f]{2})/i
const CR_FIRST = /^[\r\n]*\r(?!\n)/
const NO_PATH = /^[^\r\n]*http:\/\/[^/\s]*\?/i
/** A token that is no method to nginx: it knows capitals, `_` and `-`. */
const ODD_METHOD = /^[\r\n]*[A-Z_-]*[^A-Z_\- \r\n]/
const TAB_AT_VALUE = /: *\t|\t *\r\n/

/** Known beforehand, with the reasons of `EXCEPTIONS`. */
const isKnown = (proxy: DebianProxy, bytes: string, authority: string): boolean =>
  /TRACE/.test(bytes) ||
  (proxy === 'nginx' && (BAD_PERCENT.test(bytes) || ODD_METHOD.test(bytes) || TAB_AT_VALUE.test(bytes))) ||
  (proxy === 'haproxy' && (CR_FIRST.test(bytes) || NO_PATH.test(bytes))) ||
  (proxy === 'haproxy' && !bytes.toLowerCase().includes(`\r\nhost: ${authority}\r\n`))

/** What came of damaged requests. */
export type MutationResult = {
  /** Requests that we passed on. */
  readonly passed: number
  /** Those among them that the other refused, or read otherwise. */
  readonly wrong: readonly string[]
}

/** Sends damaged requests through mulligan, and what it passes on through the other one too. */
export async function compareMutations(name: DebianProxy, count: number): Promise<MutationResult> {
  const proxy = await startDebianProxy(name)
  const daemon = await startTestDaemon(ROUTE)
  const upstream = await startStrictUpstream(HOST)
  const wrong: string[] = []
  let passed = 0
  try {
    for (let i = 0; i < count; i++) {
      const bytes = (authority: string) => requestBytes(new Dice(SEED + i), `m${i}`, authority)
      const { requests, flaw } = readRequests(bytes(upstream.authority), { request: true })
      // What no strict reader takes whole, the listener's own fuzz holds us to.
      if (flaw !== undefined || isKnown(name, bytes(proxy.authority), proxy.authority)) continue
      const before = upstream.requests().length
      await play(daemon.port, bytes(upstream.authority), requests.length)
      // A request that was cut may be told of when its connection is over, and that is later.
      const late = ({ whole, target }: StrictRequest) => !whole && !target.includes(`m${i}`)
      const fresh = upstream.requests().slice(before)
      const ours = fresh.filter(one => !late(one)).map(keyOf)
      if (ours.length === 0) continue
      passed += ours.length
      wrong.push(...(await differing(proxy, bytes(proxy.authority), ours)))
    }
  } finally {
    await Promise.all([proxy.close(), daemon.close().then(() => upstream.close())])
  }
  return { passed, wrong }
}

async function differing(proxy: RunningProxy, bytes: string, ours: readonly string[]): Promise<string[]> {
  let made = await proxy.send(bytes)
  const isAlone = (key: string) => !made.requests.map(keyOf).includes(key)
  // It gives up who stands still for two seconds, as a busy machine may: it is asked once more.
  if (ours.some(isAlone)) made = await proxy.send(bytes)
  const { requests, statuses } = made
  const theirs = requests.map(keyOf)
  const alone = ours.filter(isAlone)
  return alone.map(key => `${key}, and theirs ${statuses.join()} ${theirs.join()}, of ${JSON.stringify(bytes)}`)
}

/** Sends, and leaves when all is answered or the connection is over. */
function play(port: number, bytes: string, answers: number): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setTimeout(PATIENCE, () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      if ((received.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0) >= answers) socket.destroy()
    })
    socket.write(bytes, 'latin1')
  })
}
