/** One series as Prometheus would store it. */
type Series = {
  readonly family: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Scrape = {
  /** Type by family. */
  readonly types: ReadonlyMap<string, string>
  readonly series: readonly Series[]
  /** The value of one series; 0 when there is none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

/**
 * Reads Prometheus' text format as strictly as its own linter: every rule of the format, and of the names in it.
 * @throws what is wrong
 */
export function readExposition(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const types = new Map<string, string>()
  const series: Series[] = []
  const seen = new Set<string>()
  let family = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const [, help] = /^# HELP ([a-z_:][a-z0-9_:]*) (?:[^\\\n]|\\[\\n])+$/.exec(line) ?? []
    if (help !== undefined) {
      if (types.has(help)) throw new Error(`${help} comes twice`)
      family = help
      types.set(family, '')
      continue
    }
    const [, typed, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (typed !== undefined) {
      if (typed !== family || types.get(family) !== '') throw new Error(`a stray type: ${line}`)
      checkName(family, type)
      types.set(family, type)
      continue
    }
    const one = readSample(line, family, types.get(family) ?? '')
    if (seen.has(keyOf(one.name, one.labels))) throw new Error(`a series comes twice: ${line}`)
    seen.add(keyOf(one.name, one.labels))
    series.push(one)
  }
  checkHistograms(series, types)
  const values = new Map(series.map(({ name, labels, value }) => [keyOf(name, labels), value]))
  return { types, series, value: (name, labels = {}) => values.get(keyOf(name, labels)) ?? 0 }
}

/** As `promtool check metrics` wants names. */
function checkName(name: string, type: string): void {
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`)
  if (/_(?:bucket|count|sum)$|_(?:ms|millis|milliseconds|minutes|kb|mb|percent)(?:_|$)/.test(name)) {
    throw new Error(`${name}: no suffix of a histogram, and base units only`)
  }
}

function readSample(line: string, family: string, type: string): Series {
  const [, name = '', text = '', figure = ''] = SAMPLE.exec(line) ?? []
  const suffix = name.slice(family.length)
  const fits = type === 'histogram' ? /^_(?:bucket|sum|count)$/.test(suffix) : suffix === ''
  if (family === '' || !name.startsWith(family) || !fits) throw new Error(`not a line of ${family}: ${line}`)
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, label = '', value = ''] = LABEL.exec(text) ?? []
    if (label === '' || label in labels) throw new Error(`bad labels: ${line}`)
    labels[label] = value.replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char))
  }
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(figure)) throw new Error(`not a number: ${line}`)
  const value = Number(figure)
  if (type === 'counter' && value < 0) throw new Error(`a counter below 0: ${line}`)
  return { family, name, labels, value }
}

/** Buckets ascend and add up to the count (`+Inf`). */
function checkHistograms(series: readonly Series[], types: ReadonlyMap<string, string>): void {
  const last = new Map<string, { le: number; count: number }>()
  for (const { family, name, labels, value } of series) {
    if (types.get(family) !== 'histogram') continue
    const { le, ...others } = labels
    const key = keyOf(family, others)
    const before = last.get(key)
    if (name.endsWith('_bucket')) {
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
      if (before && (bound <= before.le || value < before.count)) throw new Error(`${key}: the bucket ${le} is no sum`)
      last.set(key, { le: bound, count: value })
    } else if (name.endsWith('_count') && (before?.le !== Number.POSITIVE_INFINITY || before.count !== value)) {
      throw new Error(`${key}: the count is not that of +Inf`)
    }
  }
}

const keyOf = (name: string, labels: Readonly<Record<string, string>>): string =>
  name + JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
