import { type CommandInput, textOption, UsageError } from './command.js'

type Range = { readonly preset: number; readonly least: number; readonly most: number }

/** @throws UsageError when it is out of range */
export function numberOption(input: CommandInput, name: string, { preset, least, most }: Range): number {
  const text = textOption(input, name)
  if (text === undefined) return preset
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new UsageError(`--${name} is a number from ${least} to ${most}, not "${text}"`)
}

/** @throws UsageError when it is out of range, or has a fraction */
export function wholeOption(input: CommandInput, name: string, range: Range): number {
  const value = numberOption(input, name, range)
  if (!Number.isInteger(value)) throw new UsageError(`--${name} is a whole number`)
  return value
}
