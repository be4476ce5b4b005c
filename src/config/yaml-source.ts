import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { bareProblem, ConfigError, type ConfigProblem } from './problems.js'

type Doc = ReturnType<typeof parseDocument>

/** A YAML text as plain data that remembers where everything stood. */
export type YamlSource = {
  readonly data: unknown
  /** Duplicate keys: reported with whatever else is wrong. */
  readonly problems: readonly ConfigProblem[]
  /** Line and column of a key or of what it holds, or of the nearest thing around it that the file has. */
  readonly locate: (path: readonly PropertyKey[], at: 'key' | 'value') => { line: number; column: number }
}

/** Reads one YAML 1.2 document. @throws ConfigError when there is no data to be had from it. */
export function readYaml(file: string, text: string): YamlSource {
  const lines = new LineCounter()
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problemAt = (offset: number, message: string): ConfigProblem => ({
    file,
    ...place(offset),
    path: '',
    message,
    severity: 'error',
  })
  const doc = parse(file, text, lines)
  const problems = [...doc.errors, ...doc.warnings].map(error =>
    problemAt(error.pos[0], plainMessage(error.code, error.message)),
  )
  if ([...doc.errors, ...doc.warnings].some(error => error.code !== 'DUPLICATE_KEY'))
    throw new ConfigError(problems, text)
  return {
    data: toData(doc, text, problemAt),
    problems,
    locate: (path, at) => place(offsetOf(doc, path, at)),
  }
}

function parse(file: string, text: string, lineCounter: LineCounter): Doc {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false, logLevel: 'error' })
  } catch (error) {
    // The parser recurses, so a text of brackets alone ends its stack.
    throw new ConfigError([bareProblem(file, `cannot be read as YAML: ${reason(error)}`)], text)
  }
}

function toData(doc: Doc, text: string, problemAt: (offset: number, message: string) => ConfigProblem): unknown {
  try {
    return doc.toJS()
  } catch (error) {
    // Only aliases fail here: one without its anchor, or so many that they are a bomb.
    const message = `an alias that cannot be followed: ${reason(error)}`
    throw new ConfigError([problemAt(aliasOffset(doc), message)], text)
  }
}

const reason = (error: unknown): string =>
  error instanceof RangeError ? 'nested too deep' : error instanceof Error ? error.message : String(error)

/** Where the first alias without an anchor stands, or the last alias of all. */
function aliasOffset(doc: Doc): number {
  let offset = 0
  visit(doc, {
    Alias: (_, alias) => {
      offset = alias.range?.[0] ?? offset
      return alias.resolve(doc) === undefined ? visit.BREAK : undefined
    },
  })
  return offset
}

const PLAIN: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'the same key twice in one block; keep one of them',
  TAB_AS_INDENT: 'a tab as indentation; YAML takes spaces only',
  MULTIPLE_DOCS: 'a second document (---); a configuration is one document',
  TAG_RESOLVE_FAILED: 'an unknown tag (!); plain values only',
}

const plainMessage = (code: string, message: string): string => PLAIN[code] ?? `not valid YAML: ${message}`

/** Walks down as far as the file goes; what a preset brought in is blamed on the block around it. */
function offsetOf(doc: Doc, path: readonly PropertyKey[], at: 'key' | 'value'): number {
  let node: unknown = doc.contents
  let offset = startOf(node) ?? 0
  for (const [index, step] of path.entries()) {
    const found = childOf(isAlias(node) ? node.resolve(doc) : node, step)
    if (found === undefined) return offset
    const keyStart = startOf(found.key)
    const isEmpty = isScalar(found.value) && found.value.range?.[0] === found.value.range?.[1]
    const wantsKey = (at === 'key' && index === path.length - 1) || isEmpty
    offset = (wantsKey ? keyStart : startOf(found.value)) ?? keyStart ?? offset
    node = found.value
  }
  return offset
}

function childOf(node: unknown, step: PropertyKey): { key: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof step === 'number')
    return step < node.items.length ? { key: undefined, value: node.items[step] } : undefined
  if (!isMap(node)) return undefined
  return node.items.find(pair => isScalar(pair.key) && String(pair.key.value) === String(step))
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0]
