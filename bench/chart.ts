import type { Figures, Row, Spread } from './figures.js'
import { CLEAR } from './workloads.js'

const WIDTH = 760
const LEFT = 206
const RIGHT = 72
const TOP = 62
const LINE = 24
const BOTTOM = 44

/** Readable on a light page and on a dark one, whichever the reader has. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .grid { stroke: #d1d9e0 }
  .peer { fill: #818b98; stroke: #818b98 }
  .ours { fill: #0969da; stroke: #0969da }
  text.ours { font-weight: 600; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .peer { fill: #9198a1; stroke: #9198a1 }
    .ours { fill: #4493f8; stroke: #4493f8 }
  }`

type Mark = { readonly name: string; readonly isOurs: boolean; readonly cpu: Spread }

/** CPU per small request, a line for each proxy: the middle of the rounds as a dot, the farthest of them as a bar. */
export function chartOf(figures: Figures): string {
  const marks = figures.rows.flatMap(markOf).sort((a, b) => a.cpu.median - b.cpu.median)
  const height = TOP + marks.length * LINE + BOTTOM
  const scale = scaleOf(marks)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">CPU of the proxy per request, GET 1 KiB: ${marks.map(({ name, cpu }) => `${name} ${micros(cpu.median)} µs`).join(', ')}</title>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="12" y="24">CPU of the proxy per request, GET 1 KiB</text>`,
    `<text class="small" x="12" y="42">µs, median and range of ${figures.settings.rounds} rounds, ${figures.settings.connections} connections; each step to the right is twice as much</text>`,
    ...scale.ticks.map(tick => gridLine(tick, scale.at(tick), height)),
    ...marks.map((mark, i) => markLine(mark, TOP + i * LINE + LINE / 2, scale.at)),
    '</svg>',
    '',
  ].join('\n')
}

function markOf({ workload, door, cpuMicros }: Row): readonly Mark[] {
  if (workload !== CLEAR.get1k.name || cpuMicros === undefined) return []
  return [{ name: door, isOurs: door.startsWith('mulligan'), cpu: cpuMicros }]
}

/** Proxies lie two orders of magnitude apart: equal steps are equal factors. */
function scaleOf(marks: readonly Mark[]): {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
} {
  const low = Math.floor(Math.log2(Math.max(1, Math.min(...marks.map(({ cpu }) => cpu.min), 1_000))))
  const high = Math.max(low + 1, Math.ceil(Math.log2(Math.max(...marks.map(({ cpu }) => cpu.max), 2))))
  const at = (value: number) => LEFT + ((Math.log2(Math.max(1, value)) - low) / (high - low)) * (WIDTH - LEFT - RIGHT)
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i)) }
}

function gridLine(tick: number, x: number, height: number): string {
  const [top, bottom] = [TOP - 4, height - BOTTOM + 4]
  return `<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top}" y2="${bottom}"/><text class="small" x="${x.toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`
}

function markLine({ name, isOurs, cpu }: Mark, y: number, at: (value: number) => number): string {
  const kind = isOurs ? 'ours' : 'peer'
  const [from, to, middle] = [at(cpu.min), at(cpu.max), at(cpu.median)].map(x => x.toFixed(1))
  return [
    `<text${isOurs ? ' class="ours"' : ''} x="${LEFT - 16}" y="${y + 4}" text-anchor="end">${name}</text>`,
    `<line class="${kind}" x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke-width="3" stroke-linecap="round" stroke-opacity="0.45"/>`,
    `<circle class="${kind}" cx="${middle}" cy="${y}" r="5" stroke="none"/>`,
    `<text${isOurs ? ' class="ours"' : ''} x="${(at(cpu.max) + 12).toFixed(1)}" y="${y + 4}">${micros(cpu.median)}</text>`,
  ].join('')
}

const micros = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0))
