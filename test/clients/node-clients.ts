import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/config/package-root.js'
import { type Client, Missing } from './client.js'
import { PROGRAMS, probe } from './probe.js'

/** A Node of some major version, and where its binary is; `undefined` where nobody said. */
export type Runtime = { readonly major: number; readonly binary: string | undefined }

const own = Number(process.versions.node.split('.')[0])

/** The Node of this process, and those that MULLIGAN_NODE_22 and their like name. */
export const RUNTIMES: readonly Runtime[] = [20, 22, 24].map(major => ({
  major,
  binary: major === own ? process.execPath : process.env[`MULLIGAN_NODE_${major}`] || undefined,
}))

/** @returns what the binary calls itself, `Node 22.23.3` @throws Missing */
export async function nodeVersion({ major, binary }: Runtime): Promise<string> {
  if (binary === undefined) throw new Missing(`MULLIGAN_NODE_${major} names no program`)
  const version = await probe([binary, '--version'])
  if (!version.startsWith(`v${major}.`)) throw new Missing(`${binary} is ${version}, not Node ${major}`)
  return `Node ${version.slice(1)}`
}

function libraryVersion(name: string): string {
  const file = fileURLToPath(new URL(`node_modules/${name}/package.json`, packageRoot()))
  return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`
}

/** @param library the package whose version is told as well */
const program = (runtime: Runtime, file: string, library?: string): Client['prepare'] => {
  return async () => {
    const version = await nodeVersion(runtime)
    return {
      command: [runtime.binary ?? '', join(PROGRAMS, `${file}.mjs`)],
      version: library === undefined ? version : `${libraryVersion(library)}, ${version}`,
    }
  }
}

const COMMON = { api: 'https://api.vendor.test', without: [], sendsFile: true, runOptions: [] } as const
const TRUST = 'NODE_EXTRA_CA_CERTS'
const PROXY = 'https_proxy'

function clientsOf(runtime: Runtime): Client[] {
  const needs = [PROXY, TRUST, runtime.major >= 22 ? 'NODE_USE_ENV_PROXY' : 'NODE_OPTIONS']
  const row = (name: string, file: string, library?: string): Client => ({
    ...COMMON,
    name: `Node ${runtime.major} ${name}`,
    prepare: program(runtime, file, library),
    needs: ['axios', 'undici'].includes(file) ? [PROXY, TRUST] : needs,
  })
  return [
    row('fetch', 'fetch'),
    row('https', 'https'),
    row('axios', 'axios', 'axios'),
    row('got', 'got', 'got'),
    row('node-fetch', 'node-fetch', 'node-fetch'),
    row('undici EnvHttpProxyAgent', 'undici', 'undici'),
  ]
}

/** SDKs with the default base URL of each, on the Node of this process. */
function sdkClients(runtime: Runtime): Client[] {
  const row = (library: string, file: string, without: Client['without']): Client => ({
    name: `${file} SDK`,
    prepare: program(runtime, file, library),
    api: `https://api.${file}.com`,
    without,
    sendsFile: false,
    runOptions: [],
    needs: [PROXY, TRUST, 'NODE_OPTIONS'],
  })
  return [row('openai', 'openai', []), row('@anthropic-ai/sdk', 'anthropic', []), row('stripe', 'stripe', ['events'])]
}

export const NODE_CLIENTS: readonly Client[] = [
  ...RUNTIMES.flatMap(clientsOf),
  ...sdkClients({ major: own, binary: process.execPath }),
]
