import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/config/package-root.js'
import { Missing } from './client.js'

const execute = promisify(execFile)

/** The folder of the client programs: they are run as they stand in the source tree. */
export const PROGRAMS = fileURLToPath(new URL('test/clients/programs/', packageRoot()))

/** What every client has, and nothing of this machine's proxies and certificates, nor of tap's loader. */
export const bareEnv = (home: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  LC_ALL: 'C.UTF-8',
  PYTHONDONTWRITEBYTECODE: '1',
})

/** The first line that a program prints. @throws Missing when it is not there or fails */
export async function probe([program = '', ...args]: readonly string[], home = '/'): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { env: bareEnv(home), timeout: 20_000 })
    return stdout.split('\n')[0]?.trim() ?? ''
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    const why = code === 'ENOENT' ? 'is not installed' : `fails: ${stderr?.trim().split('\n').at(-1) ?? String(code)}`
    throw new Missing(`${[program, ...args].join(' ').slice(0, 80)} ${why}`)
  }
}

/** The version number in a line such as `curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1`. */
export const versionIn = (line: string): string => /\d+(?:\.\d+)+/.exec(line)?.[0] ?? 'of unknown version'

/** Compiles, with the caches of whoever runs this. @throws with what the compiler says */
export async function compile([program = '', ...args]: readonly string[], cwd: string): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env
  await execute(program, args, { cwd, env })
}
