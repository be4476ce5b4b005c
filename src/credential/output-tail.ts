/** How much of a program's last words goes into a message, in characters. */
const TAIL = 200
const REDACTED = '[redacted]'

/** What hides behind a name: `client_secret=…`, `"password": "…"`, `Authorization: Bearer …`. */
const NAMED =
  /((?:token|secret|passw(?:or)?d|pwd|key|authorization|cookie|assertion|credentials?|signature|code)["']?\s*[=:]\s*["']?(?:(?:bearer|basic)\s+)?|\b(?:bearer|basic)\s+)[^\s"',;&]+/gi
/** Long runs without a space are tokens, keys, hashes: in doubt nothing is shown. */
const LONG_RUN = /[\w+/=~.%-]{16,}/g
/** But for host names and paths of plain words: without digits and capitals, no token is made of those. */
const PLAIN_NAME = /^\/?(?:[a-z]{1,15}[./])*[a-z]{1,15}\/?$/
/** Escape sequences of terminals. */
const ANSI = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])/g

/**
 * The last words of a program for a message, on one line, with everything masked that may be a token (T8). Masking too
 * much is meant: a message is worth less than a secret.
 * @param cut whether the text was cut at its start, so that its first word may be the rest of a token
 * @param secrets texts that are masked wherever they stand
 */
export function outputTail(text: string, cut: boolean, secrets: readonly string[]): string {
  const whole = cut ? text.replace(/^\S*/, '') : text
  // Longest first: a secret may hold another one.
  const sorted = [...secrets].filter(secret => secret !== '').sort((a, b) => b.length - a.length)
  const masked = sorted.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), whole.replace(ANSI, ''))
  const shown = masked
    .replace(NAMED, `$1${REDACTED}`)
    .replace(LONG_RUN, run => (PLAIN_NAME.test(run) ? run : REDACTED))
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim()
  return shown.length <= TAIL ? shown : `...${shown.slice(-TAIL)}`
}
