import { outputTail } from '../credential/output-tail.js'

/** A bug as the log shows it. */
type BugRecord = {
  readonly type: string
  readonly message: string
  readonly code?: string
  /** Where, without the message. */
  readonly stack: string
  readonly cause?: BugRecord
}

/**
 * What a bug is called, says, and where it is. Errors quote what they choked on, in their message (`JSON.parse`) or in
 * fields of their own (`input` of a bad URL): words alone are kept of the one, and nothing of the other (T8).
 * @param causes how many may follow: a ring of them has no end
 */
export function bugRecord(error: unknown, causes = 1): BugRecord {
  if (!(error instanceof Error)) return { type: typeof error, message: wordsOf(String(error)), stack: '' }
  const { code } = error as { readonly code?: unknown }
  const cause = causes > 0 && error.cause instanceof Error ? bugRecord(error.cause, causes - 1) : undefined
  return {
    type: error.constructor.name,
    message: wordsOf(error.message),
    ...(typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? { code } : {}),
    stack: framesOf(error),
    ...(cause === undefined ? {} : { cause }),
  }
}

const wordsOf = (message: string): string => outputTail(message, false, [])

/** The stack begins with the message, which may have lines of its own. */
const framesOf = ({ stack = '', message }: Error): string =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter(line => /^ {4}at /.test(line))
    .join('\n')
