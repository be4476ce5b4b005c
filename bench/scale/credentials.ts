import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fixed, spread } from '../markdown.js'
import { mulliganProgram } from '../mulligan-programs.js'
import type { Seat } from '../program.js'
import type { Scene } from './scene.js'
import { measureSeries } from './series.js'
import { count, mib, type Table } from './table.js'

/** Credentials from files, each with a route of its own. */
export async function measureCredentials({ place, load, program, settings, say }: Scene): Promise<readonly Table[]> {
  say('credentials', 0)
  const members = settings.credentials.map(size => ({
    door: { name: `${size} credentials`, program: undefined, form: 'absolute', prefix: `/c${size - 1}` } as const,
    program: mulliganProgram(seat => credentialsYaml(size, seat), program),
  }))
  const found = await measureSeries(place, load, members, settings)
  const table: Table = {
    title: 'Credentials',
    notes: ['Each token is in a file of its own, which is watched, and each credential has a route of its own.'],
    head: ['', 'GET 1 KiB, µs of CPU per request', 'start to first answer, ms of CPU', 'MiB resident then'],
    rows: found.map(({ cpuMicros, startCpuMillis, startBytes }, i) => [
      count(settings.credentials[i] ?? 0),
      spread(cpuMicros, 1),
      fixed(startCpuMillis, 0),
      mib(startBytes),
    ]),
  }
  return [table]
}

function credentialsYaml(size: number, { folder }: Seat): string {
  const each = (line: (i: number) => string) => Array.from({ length: size }, (_, i) => line(i)).join('')
  for (let i = 0; i < size; i++) writeFileSync(join(folder, `token-${i}`), `${'0123456789abcdef'.repeat(2)}${i}\n`)
  return `version: 1
log: { level: info }
credentials:
${each(i => `  c${i}: { source: { file: token-${i} }, inject: { bearer: true } }\n`)}routes:
${each(i => `  - { name: r${i}, match: { host: 127.0.0.1, path: "/c${i}/**" }, credential: c${i} }\n`)}`
}
