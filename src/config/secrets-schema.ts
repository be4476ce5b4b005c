import { z } from 'zod'
import type { SecretRef } from './config.js'
import { key, kinds, list, text, words } from './scalars.js'
import { wrong } from './wrong.js'

/** Checks that a block uses exactly one of some keys; they exclude each other. */
export function exactlyOne(...names: readonly string[]) {
  return (block: object, context: z.RefinementCtx): void => {
    const used = names.filter(name => (block as Record<string, unknown>)[name] !== undefined)
    if (used.length === 1) return
    const said = used.length === 0 ? 'has none' : `has ${used.join(' and ')}`
    context.addIssue({ code: 'custom', message: `${said}; exactly one of ${names.join(', ')} is needed` })
  }
}

/** Name of an environment variable. What is none is not repeated: it may be the secret itself. */
export const variableName = () =>
  text({ expects: 'the name of an environment variable', type: 'variable name' }, value =>
    /^[A-Za-z_]\w*$/.test(value)
      ? value
      : wrong('not the name of an environment variable: letters, digits and _; the secret itself does not belong here'),
  )

/** A program and its arguments, run without a shell. */
export const commandLine = () => list(z.string().register(kinds, { expects: 'an argument', type: 'text' }), 1, 64)

const reference = z
  .strictObject({
    env: key('Name of an environment variable that holds it.', variableName()).optional(),
    file: key('Path of a file that holds it; read again when it changes.', words('a path', 'path')).optional(),
    exec: key('Program and arguments that print it; no shell, 10 s, 64 KiB.', commandLine()).optional(),
  })
  .superRefine(exactlyOne('env', 'file', 'exec'))

/** A secret by reference; a literal is taken, and `check` warns about it. */
export const secret = () =>
  z
    .union([reference, z.string().min(1)])
    .transform(value => (typeof value === 'string' ? { literal: value } : value) as SecretRef)
    .register(kinds, { expects: '{env: NAME}, {file: PATH} or {exec: [program, argument]}', type: 'secret' })
