/** One value of a metric. @property suffix after the metric's name: histograms have several series per value */
export type Sample = {
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels: Labels
  readonly value: number | bigint
}

export type Labels = Readonly<Record<string, string>>

/** A metric: what it counts, in the base unit that ends its name. */
export type Family = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: Iterable<Sample>
}

/** Of an answer with these metrics. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Metrics in Prometheus' text format, version 0.0.4. One without a value is still named, so that it can be found. */
export function exposition(families: Iterable<Family>): string {
  let text = ''
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n`
    for (const { suffix = '', labels, value } of samples) text += `${name}${suffix}${labelSet(labels)} ${value}\n`
  }
  return text
}

function labelSet(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\\n"]/g, escaped)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (char: string): string => (char === '\n' ? '\\n' : `\\${char}`)
