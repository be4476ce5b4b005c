import { main } from '../../src/cli.js'

export type Said = { readonly code: number; readonly out: string; readonly err: string }

type Options = { readonly env?: Readonly<Record<string, string>>; readonly isTTY?: boolean }

/** A command of mulligan in this process, in a folder that is also its home. @param line words, or one text of them */
export async function commandLine(cwd: string, line: string | string[], options: Options = {}): Promise<Said> {
  const out: string[] = []
  const err: string[] = []
  const argv = typeof line === 'string' ? line.split(' ').filter(Boolean) : line
  const code = await main(argv, {
    stdout: { write: text => out.push(text), isTTY: options.isTTY },
    stderr: { write: text => err.push(text), isTTY: options.isTTY },
    env: { HOME: cwd, ...options.env },
    cwd,
  })
  return { code, out: out.join(''), err: err.join('') }
}
