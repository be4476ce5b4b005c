import { type Fields, fieldValues } from './fields.js'

/** One way a server offers to be convinced (RFC 9110 §11.3). */
export type Challenge = {
  /** In lower case. */
  readonly scheme: string
  /** What `Negotiate` and its like carry in place of parameters. */
  readonly token68: string | undefined
  /** By lower-case name, unquoted; of a repeated name the first value. */
  readonly params: ReadonlyMap<string, string>
}

type Draft = Challenge & { token68: string | undefined; readonly params: Map<string, string> }

const TOKEN = /[!#$%&'*+\-.^_`|~\w]+/y
const BLANKS = /[ \t]*/y
const EQUALS = /[ \t]*=[ \t]*/y
const TOKEN68 = /[ \t]+([\w\-.~+/]+=*)[ \t]*(?=,|$)/y
/** A quote that is never closed ends with its line. */
const QUOTED = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)/sy
/** Servers also write URLs and other non-tokens without quotes. */
const BARE = /[^\s,"]*/y

/**
 * The challenges of an answer, in order, over all its `WWW-Authenticate` lines (RFC 9110 §11.6.1). What is malformed is
 * passed over and the rest is read: an unquoted sentence, a missing comma or an open quote costs itself only. Takes
 * time linear in the length of the lines.
 */
export function readChallenges(fields: Fields): Challenge[] {
  const found: Draft[] = []
  for (const line of fieldValues(fields, 'www-authenticate')) readLine(line, found)
  return found
}

/** Lines are one list (RFC 9110 §5.3): a parameter at the start of one belongs to the challenge before it. */
function readLine(line: string, found: Draft[]): void {
  // Only a list member may begin a challenge: the words of an unquoted sentence do not.
  let begins = true
  for (let at = skip(BLANKS, line, 0); at < line.length; at = skip(BLANKS, line, at)) {
    const name = match(TOKEN, line, at)?.[0]
    if (name === undefined) {
      begins = line[at] === ',' || begins
      at = match(QUOTED, line, at) === undefined ? at + 1 : QUOTED.lastIndex
      continue
    }
    at += name.length
    if (match(EQUALS, line, at) !== undefined) at = readValue(line, EQUALS.lastIndex, name, found.at(-1))
    else if (begins) at = readScheme(line, at, name, found)
    begins = false
  }
}

/** @returns where to read on */
function readScheme(line: string, at: number, scheme: string, found: Draft[]): number {
  const token68 = match(TOKEN68, line, at)?.[1]
  found.push({ scheme: scheme.toLowerCase(), token68, params: new Map() })
  return token68 === undefined ? at : TOKEN68.lastIndex
}

function readValue(line: string, at: number, name: string, challenge: Draft | undefined): number {
  const quoted = match(QUOTED, line, at)
  const value = quoted === undefined ? (match(BARE, line, at)?.[0] ?? '') : unescaped(quoted[1] ?? '')
  const key = name.toLowerCase()
  if (challenge !== undefined && !challenge.params.has(key)) challenge.params.set(key, value)
  return quoted === undefined ? BARE.lastIndex : QUOTED.lastIndex
}

/** RFC 9110 §5.6.4: a backslash stands for the character behind it. */
const unescaped = (text: string): string => text.replace(/\\(.)/gs, '$1')

function match(sticky: RegExp, text: string, at: number): RegExpExecArray | undefined {
  sticky.lastIndex = at
  return sticky.exec(text) ?? undefined
}

function skip(sticky: RegExp, text: string, at: number): number {
  match(sticky, text, at)
  return sticky.lastIndex
}
