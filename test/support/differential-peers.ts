import { ACCEPTED_REQUESTS } from '../conformance/vectors/requests-accepted.js'
import { MALFORMED_FRAMING, MALFORMED_LATE } from '../conformance/vectors/requests-framing.js'
import { HOP_REQUESTS } from '../conformance/vectors/requests-hops.js'
import { MALFORMED_HEADS } from '../conformance/vectors/requests-malformed.js'
import { DEBIAN_PROXIES, type DebianProxy, type Made, startDebianProxy, versionOf } from './debian-proxies.js'
import { readRequests, type StrictRequest } from './strict-request.js'

/** What the conformance tests hold us to: these pass, byte for byte, and those do not. */
export const LEGAL = [...ACCEPTED_REQUESTS, ...HOP_REQUESTS]
export const MALFORMED = [...MALFORMED_HEADS, ...MALFORMED_FRAMING, ...MALFORMED_LATE]

const NO_TRACE = 'a policy: it refuses the method, however it is written'

/** Where a proxy refuses or changes what we pass on, and why we do. */
const EXCEPTIONS: Readonly<Record<DebianProxy, Readonly<Record<string, string>>>> = {
  nginx: {
    'rfc9112-3.2.2-04': 'it decodes paths to choose among files; we decode nothing, and the upstream gets the bytes',
    'rfc9112-3.2.2-10': 'it drops an empty query; RFC 3986 §6.2.3 lets nobody on the way do so',
    'rfc9110-9.3.7-02': 'it asks for `/`; RFC 9112 §3.2.4 has the last proxy ask for `*`',
    'rfc9110-9.3.8-01': NO_TRACE,
    'rfc9110-7.6.2-02': NO_TRACE,
    'rfc9110-7.6.2-11': NO_TRACE,
    'rfc9110-7.6.2-13': NO_TRACE,
    'rfc9112-3.2-15': 'it takes no tab for a blank; RFC 9110 §5.6.3 does',
  },
  haproxy: {
    'rfc9112-2.2-02': 'Node passes over line ends of any kind before a request, and what goes on is written anew',
    'rfc9112-3.2.2-09': 'it asks for a path; RFC 9110 §4.2.1 lets it be empty before a query',
    'rfc9112-3.2.2-10': 'it asks for a path; RFC 9110 §4.2.1 lets it be empty before a query',
    'rfc9112-3.2.2-15': 'RFC 9112 §3.2.2: a proxy must ignore the Host and send that of the target',
    'rfc9112-3.2.2-16': 'RFC 9112 §3.2.2: a proxy must ignore the Host and send that of the target',
    'rfc9112-3.2-12': 'RFC 9112 §3.2.2: a proxy must ignore the Host and send that of the target',
    'rfc9112-3.2-13': 'RFC 9112 §3.2.2: a proxy must ignore the Host and send that of the target',
    'rfc9112-3.2-14': 'RFC 9112 §3.2.2: a proxy must ignore the Host and send that of the target',
    'rfc9110-9.3.7-02': 'it sends the absolute form on, and asks nobody for `*`',
  },
}

/** How a proxy compares on all rows. */
export type PeerResult = {
  readonly version: string
  /** Malformed requests that the upstream got and answered: by id. */
  readonly passed: readonly string[]
  /** Legal requests that it refused or changed: by id. */
  readonly differing: readonly string[]
  /** Those among them for which no reason is listed, with what became of them. */
  readonly unexplained: readonly string[]
  /** Reasons for what did not happen. */
  readonly idle: readonly string[]
}

/** `undefined` where it is not installed. */
export async function comparePeer(name: DebianProxy): Promise<PeerResult | undefined> {
  const version = versionOf(name)
  if (version === undefined) return undefined
  const proxy = await startDebianProxy(name)
  const bytesOf = (text: string) => text.replaceAll('UP', proxy.authority)
  const passed: string[] = []
  const differing = new Map<string, string>()
  try {
    for (const [id, title, sent, received] of LEGAL) {
      const wanted = readRequests(bytesOf(received)).requests.map(keyOf).join()
      let made = await proxy.send(bytesOf(sent))
      // It gives up who stands still for two seconds, as a busy machine may: it is asked once more.
      if (made.requests.map(keyOf).join() !== wanted) made = await proxy.send(bytesOf(sent))
      const { requests, statuses } = made
      const got = requests.map(keyOf).join()
      if (got !== wanted) differing.set(id, `${id} ${title}: ${statuses.join()} ${got}, not ${wanted}`)
    }
    for (const [id, , sent] of MALFORMED) if (reachedAndCame(await proxy.send(bytesOf(sent)))) passed.push(id)
  } finally {
    await proxy.close()
  }
  const reasons = EXCEPTIONS[name]
  return {
    version,
    passed,
    differing: [...differing.keys()],
    unexplained: [...differing].flatMap(([id, what]) => (Object.hasOwn(reasons, id) ? [] : [what])),
    idle: Object.keys(reasons).filter(id => !differing.has(id)),
  }
}

/** A proxy that streams may find the flaw only behind what it has passed on: then no answer comes back. */
const reachedAndCame = ({ requests, statuses }: Made): boolean => requests.length > 0 && statuses.includes('200')

/** What must be alike. Trailers may be dropped on the way (RFC 9110 §6.5.1), and a target may stay in absolute-form. */
export function keyOf({ method, target, body, whole }: StrictRequest): string {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '')
  return JSON.stringify([method, path === '' ? '/' : path, body, whole])
}

type Results = Readonly<Record<DebianProxy, PeerResult>>

/** The section of docs/differential.md about them. */
export function peersSection(results: Results): string {
  const row = (...cells: string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const figures = (of: (result: PeerResult) => string) => DEBIAN_PROXIES.map(name => of(results[name]))
  const titles = new Map(LEGAL.map(([id, title]) => [id, title]))
  const reasons = DEBIAN_PROXIES.flatMap(name =>
    results[name].differing.map(id => row(id, titles.get(id) ?? '', name, EXCEPTIONS[name][id] ?? '')),
  )
  return [
    TITLE,
    row('', ...DEBIAN_PROXIES.map(name => `${name} ${results[name].version}`), '**mulligan**'),
    row('---', '---', '---', '---'),
    row(
      `${MALFORMED.length} malformed requests: the upstream gets one and its answer comes back`,
      ...figures(({ passed }) => String(passed.length)),
      '0',
    ),
    row(
      `${LEGAL.length} legal ones: passed on with their own meaning`,
      ...figures(({ differing }) => String(LEGAL.length - differing.length)),
      String(LEGAL.length),
    ),
    REASONS,
    row('request', 'what is odd', 'proxy', 'why we pass it on'),
    row('---', '---', '---', '---'),
    ...reasons,
    '',
  ].join('\n')
}

const TITLE = `
## The same bytes on nginx and HAProxy

The requests of the conformance tables (\`test/conformance/vectors\`) are sent, as bytes, through Debian's nginx and HAProxy
too, with limits as wide as ours. Whatever either of them refuses, we refuse, but for the exceptions below; a test finds
others. What is malformed, and what the legal ones mean, the conformance tests hold mulligan to.
`

const REASONS = `
Where one of them refuses or changes what we pass on:
`
