import { ownMicros } from '../cpu-clock.js'
import { fixed, spread } from '../markdown.js'
import { mulliganProgram } from '../mulligan-programs.js'
import { type Scene, togetherOf } from './scene.js'
import { type Aside, measureSeries } from './series.js'
import type { Table } from './table.js'

type Crew = { readonly name: string; readonly workers: number; readonly level: 'info' | 'warn' }

const CREWS: readonly Crew[] = [
  { name: '1', workers: 1, level: 'info' },
  { name: '2', workers: 2, level: 'info' },
  { name: '2, `log: { level: warn }`', workers: 2, level: 'warn' },
]

const yamlOf = ({ workers, level }: Crew): string => `version: 1
workers: ${workers}
log: { level: ${level} }
routes:
  - name: all
    match: { host: "*" }
`

/** Each process has a compiler to warm up. */
const WARM_UPS = 4

/** One process, and two with their primary, on the cpus that load and upstream are on as well. */
export async function measureWorkers(scene: Scene): Promise<readonly Table[]> {
  scene.say('workers', 0)
  const { place, load } = await togetherOf(scene)
  const members = CREWS.map(crew => ({
    door: { name: `workers: ${crew.name}`, program: undefined, form: 'absolute' } as const,
    program: mulliganProgram(() => yamlOf(crew), scene.program),
  }))
  const first = new FirstProcess()
  const settings = { ...scene.settings, warmUpSeconds: scene.settings.warmUpSeconds * WARM_UPS }
  const found = await measureSeries(place, load, members, settings, first.aside)
  const table: Table = {
    title: 'Workers',
    notes: [
      'GET 1 KiB. Load and upstream are on the same cpus and take their part of them: requests per second say what is left, CPU per request what a request costs.',
    ],
    head: ['`workers`', 'requests/s', 'µs of CPU per request, all processes', 'of that the primary'],
    rows: found.map(({ requestsPerSecond, cpuMicros }, i) => [
      CREWS[i]?.name ?? '',
      spread(requestsPerSecond, 0),
      spread(cpuMicros, 1),
      // Alone it is the one that serves.
      CREWS[i]?.workers === 1 ? '-' : fixed(first.microsOf(i), 1),
    ]),
  }
  return [table]
}

/** What the process uses that was started, without those that it started. */
class FirstProcess {
  readonly #used = new Map<number, { micros: number; requests: number }>()

  readonly aside: Aside = ({ pid }) => {
    const before = ownMicros(pid)
    return requests => {
      const sum = this.#used.get(pid) ?? { micros: 0, requests: 0 }
      this.#used.set(pid, { micros: sum.micros + ownMicros(pid) - before, requests: sum.requests + requests })
    }
  }

  /** Per request. @param at its place among those that were started */
  microsOf(at: number): number | undefined {
    const used = [...this.#used.values()][at]
    return used && used.micros / used.requests
  }
}
