import { valueAt } from '../json/read.js'
import type { JsonCondition, JsonValue } from './idempotency-settings.js'

/** Whether parsed JSON holds what a condition asks for: one of its values at its place, or, when it names none, anything. */
export function holds(parsed: unknown, { json, any }: JsonCondition): boolean {
  const value = valueAt(parsed, json)
  return any.length === 0 ? value !== undefined : any.includes(value as JsonValue)
}
