import type { CommandInput } from './command.js'
import { createPaint } from './paint.js'

/** Why a command failed, on stderr. @returns `code`, for its end */
export function complain({ io }: Pick<CommandInput, 'io'>, message: string, code: number): number {
  io.stderr.write(`${createPaint(io.stderr, io.env)('red', 'mulligan')}: ${message}\n`)
  return code
}
