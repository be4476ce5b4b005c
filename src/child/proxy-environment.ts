import { fileURLToPath } from 'node:url'
import { splitNoProxy } from '../http/no-proxy.js'
import { ADDED_VARIABLES, BUNDLE_VARIABLES } from '../trust/ca-variables.js'
import type { TrustFiles } from '../trust/trust-files.js'
import { javaOptions } from './java-options.js'

type Env = Readonly<Record<string, string | undefined>>

/** In the order in which they are printed. */
export type Variables = readonly (readonly [name: string, value: string])[]

export type ProxyEnvironment = {
  /** Where clients connect: `http://127.0.0.1:8402`, with `user:password@` when the listener asks for it. */
  readonly proxyUrl: string
  /** Whether the listener asks for a password: clients that cannot send one are left out. */
  readonly asksPassword: boolean
  /** What makes clients trust our CA; `undefined` when nothing is intercepted, and then no CA variable is set. */
  readonly trust: TrustFiles | undefined
  /** Whether requests to this machine itself go through the proxy as well. */
  readonly loopback: boolean
  /** The environment that is added to: what it holds is kept. */
  readonly parent: Env
}

/** What a program on this machine reaches without a proxy. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1']

const PRELOAD = fileURLToPath(new URL('node-preload.cjs', import.meta.url))

/**
 * The variables that send programs through the proxy and let them trust it (FP-26). Made twice, one upon the other, they
 * are the same: what was ours before is replaced.
 */
export function proxyEnvironment({ proxyUrl, asksPassword, trust, loopback, parent }: ProxyEnvironment): Variables {
  const noProxy = noProxyList(parent, loopback)
  const java = javaOptions(parent['JAVA_TOOL_OPTIONS'], proxyUrl, noProxy, trust?.javaStore)
  return [
    // Both cases of each: curl reads only the lower one of http_proxy, others only the upper one.
    ...bothCases('http_proxy', proxyUrl),
    ...bothCases('https_proxy', proxyUrl),
    ...bothCases('no_proxy', noProxy.join(',')),
    ['NODE_USE_ENV_PROXY', '1'],
    ['NODE_OPTIONS', nodeOptions(parent['NODE_OPTIONS'])],
    // No property makes Java send a password, and a proxy that refuses every request is worse than none.
    ...(asksPassword ? [] : [['JAVA_TOOL_OPTIONS', java] as const]),
    ...(trust === undefined ? [] : trustVariables(trust, parent)),
  ]
}

function trustVariables(trust: TrustFiles, parent: Env): Variables {
  return [
    ...BUNDLE_VARIABLES.map(name => [name, trust.bundle] as const),
    ...ADDED_VARIABLES.map(name => [name, trust.added] as const),
    ['WGETRC', trust.wgetrc],
    ['PHP_INI_SCAN_DIR', phpFolders(parent['PHP_INI_SCAN_DIR'], trust.php)],
  ]
}

const bothCases = (name: string, value: string): Variables => [
  [name, value],
  [name.toUpperCase(), value],
]

/** The parent's entries stay, but for `*`: who asks for a proxy does not mean none. */
function noProxyList(parent: Env, loopback: boolean): string[] {
  const kept = splitNoProxy(parent['no_proxy'] || parent['NO_PROXY'] || '').filter(entry => entry !== '*')
  if (loopback) return kept.filter(entry => !LOOPBACK.includes(entry.toLowerCase()))
  return [...new Set([...kept, ...LOOPBACK])]
}

/** The preload of this version or of another: two would tunnel twice. */
const EARLIER = /--require (?:"(?:[^"\\]|\\.)*\/node-preload\.cjs"|\S*\/node-preload\.cjs)/g

/** The parent's options, and our preload: Node below 22.21 and 24.5 has no other way (FP-27). */
function nodeOptions(parent: string | undefined): string {
  const kept = (parent ?? '').replaceAll(EARLIER, '').trim()
  const path = /[\s"\\]/.test(PRELOAD) ? `"${PRELOAD.replaceAll(/["\\]/g, '\\$&')}"` : PRELOAD
  return `${kept} --require ${path}`.trim()
}

/** An empty entry stands for the folders that PHP was built with. */
function phpFolders(parent: string | undefined, ours: string): string {
  const kept = (parent ?? '').split(':').filter(folder => folder !== ours)
  return [...(kept.length === 0 ? [''] : kept), ours].join(':')
}
