import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageRoot } from '../src/config/package-root.js'
import type { Program } from './program.js'

type Package = {
  readonly name: string
  /** What it is installed as here. */
  readonly as: string
  readonly script: string
  readonly args: (target: string, roots: string, folder: string) => readonly string[]
}

const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))
const REVERSE = { script: script('reverse-proxy-process'), args: (target: string) => [target] }

/** Proxies that are packages for Node, each in a process of its own. */
const PACKAGES = [
  { name: 'http-proxy', as: 'http-proxy-1', ...REVERSE },
  { name: 'http-proxy-3', as: 'http-proxy', ...REVERSE },
  { name: 'httpxy', as: 'httpxy', ...REVERSE },
  {
    name: 'mockttp',
    as: 'mockttp',
    script: script('mockttp-process'),
    args: (_: string, roots: string, folder: string) => [roots, mockttpAuthority(folder)],
  },
] as const satisfies readonly Package[]

/** No proxy, but what every proxy in Node costs at least. */
const JOINED = 'joined sockets'

export const NODE_NAMES = [...PACKAGES.map(({ name }) => name), JOINED] as const

/** `undefined` where it is not installed: `npm install --no-save NAME` is enough, and so is a folder in `NODE_PATH`. */
export function nodeProgram(name: string): Program | undefined {
  if (name === JOINED) return JOINED_SOCKETS
  const found: Package | undefined = PACKAGES.find(one => one.name === name)
  const main = found && resolvePackage(found.as)
  if (found === undefined || main === undefined) return undefined
  const module = pathToFileURL(main).href
  return {
    name,
    version: versionOf(main),
    command: ({ port, upstream, roots, folder }) => [
      ...[process.execPath, found.script, module, String(port)],
      ...found.args(`http://127.0.0.1:${upstream}`, roots, folder),
    ],
  }
}

const JOINED_SOCKETS: Program = {
  name: JOINED,
  version: process.versions.node,
  command: ({ port, upstream }) => [process.execPath, script('joined-sockets-process'), String(port), String(upstream)],
}

export const mockttpAuthority = (folder: string): string => join(folder, 'mockttp-ca.pem')

function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(new URL('package.json', packageRoot())).resolve(name)
  } catch {
    return undefined
  }
}

function versionOf(main: string): string {
  for (let folder = dirname(main); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string }
      if (version !== undefined) return version
    } catch {
      // It is further up.
    }
  }
  return ''
}
