import { redactUrl } from '../http/redact.js'
import type { Config } from './config.js'

const MASKED = '[redacted]'

/**
 * The effective configuration as JSON, for whoever may look at it: without literal secrets, without what is told to
 * programs and token endpoints besides (nobody knows what in it is secret), and without queries and keys in URLs (T8).
 * Amounts are decimal strings.
 */
export function effectiveJson(config: Config): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, shown(key, value)]))
}

function shown(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return shownText(key, value)
  if (typeof value !== 'object' || value === null) return value
  // Of a command line the program alone.
  if (Array.isArray(value)) return isCommand(key) ? value.map(first) : value.map(item => shown('', item))
  const entries = Object.entries(value)
  // A name that somebody chose may be any word: what it names is no text.
  const hidden = key === 'params' && entries.every(([, item]) => typeof item === 'string')
  return Object.fromEntries(entries.map(([name, item]) => [name, hidden ? MASKED : shown(name, item)]))
}

function shownText(key: string, text: string): string {
  if (key === 'literal') return MASKED
  return /(?:^|_)url$/.test(key) ? shownUrl(key, text) : text
}

const isCommand = (key: string): boolean => key === 'exec' || key === 'command'

const first = (word: unknown, index: number): unknown => (index === 0 ? word : MASKED)

/** Nodes and signers are rented by a key in the path; of the others the path says which endpoint it is. */
const shownUrl = (key: string, url: string): string =>
  (key === 'rpc_url' || key === 'url') && URL.canParse(url) ? new URL(url).origin : redactUrl(url)
