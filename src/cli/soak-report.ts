import type { SoakPromise } from '../bench/soak/promises.js'
import type { SoakResult } from '../bench/soak/soak.js'
import { type Paint, table } from './paint.js'

const MIB = 1_048_576

/** What ran, what it gave, and each promise with the figure that was seen. */
export function soakReport(result: SoakResult, paint: Paint): string {
  const { settings, tally, promises, notes } = result
  const { connections, tunnels, seconds, seed } = settings
  const title = `${paint('bold', 'mulligan bench soak')}: ${connections} connections, ${tunnels} tunnels, ${seconds} s, seed ${seed}`
  const samples = tally.samples.map(sample => `unexplained: ${sample}\n`)
  return [
    `${title}\n\n`,
    table(figures(result), '  '),
    '\n',
    table(
      promises.map(one => verdict(one, paint)),
      '  ',
    ),
    '\n',
    ...samples,
    ...notes.map(note => `note: ${note}\n`),
  ].join('')
}

function figures({ tally, upstream, tunnels, before, after, points, complaints }: SoakResult): string[][] {
  const memory = (of: typeof before) =>
    `${(of.live / MIB).toFixed(1)} MiB alive, ${(of.memory.resident / MIB).toFixed(0)} MiB resident`
  return [
    ['requests', `${tally.requests}, and ${tally.rude} clients that left, never read or never asked`],
    ['answers of the upstream', counts(tally.statuses)],
    ['answers of its own', counts(tally.codes)],
    ['visibly broken', `${tally.broken}`],
    ['reached the upstream', `${upstream.arrivals} tries, ${upstream.effects} effects, ${upstream.tokens} tokens`],
    ['tunnels', `${tunnels.opened} opened, ${tunnels.echoed} bytes echoed; ${tally.upgraded} upgraded connections`],
    ['at rest before', memory(before)],
    ['at rest after', memory(after)],
    ...growing(points),
    ['complaints', counts(complaints)],
  ]
}

/** Anonymous memory, garbage collected. */
function growing(points: SoakResult['points']): string[][] {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return []
  const at = ({ count, live, anonymous }: typeof first) =>
    `${count} requests: ${(live / MIB).toFixed(1)} MiB alive, ${(anonymous / MIB).toFixed(0)} MiB held`
  return [
    ['under load, first', at(first)],
    ['under load, last', at(last)],
  ]
}

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ') || 'none'

function verdict({ name, value, most, met }: SoakPromise, paint: Paint): string[] {
  const word = met === undefined ? paint('dim', 'not judged') : met ? paint('green', 'pass') : paint('red', 'FAIL')
  return [word, name, `${value}`, `at most ${most}`]
}
