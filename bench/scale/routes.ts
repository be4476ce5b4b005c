import type { Match } from '../../src/route/match.js'
import { createRouteTable } from '../../src/route/route-table.js'
import { fixed, spread } from '../markdown.js'
import { mulliganProgram } from '../mulligan-programs.js'
import { CLEAR } from '../workloads.js'
import { lastDoor, ROUTE_SHAPES, type RouteShape, routesYaml } from './route-shapes.js'
import type { Scene } from './scene.js'
import { type MemberFigures, measureSeries } from './series.js'
import { count, mib, type Table } from './table.js'

/** Those that a daemon is started for; the others differ in the look-up alone. */
const STARTED = ROUTE_SHAPES.slice(0, 4)

/** What a request costs in a daemon with so many routes, what a look-up is of that, and what it takes to load them. */
export async function measureRoutes(scene: Scene): Promise<readonly Table[]> {
  const found: (readonly [RouteShape, readonly MemberFigures[]])[] = []
  for (const [i, shape] of STARTED.entries()) {
    scene.say(`routes: ${shape.name}`, i / STARTED.length)
    found.push([shape, await inDaemons(scene, shape)])
  }
  return [lookUpTable(scene), requestTable(scene, found), loadTable(scene, found)]
}

function inDaemons({ place, load, program, settings }: Scene, shape: RouteShape): Promise<readonly MemberFigures[]> {
  const members = settings.routes.map(size => ({
    door: lastDoor(shape, size),
    program: mulliganProgram(seat => routesYaml(shape, size, seat), program),
  }))
  return measureSeries(place, load, members, settings)
}

type Found = readonly (readonly [RouteShape, readonly MemberFigures[]])[]

const headOf = ({ settings }: Scene): readonly string[] => ['routes', ...settings.routes.map(count)]

const lookUpTable = (scene: Scene): Table => ({
  title: 'Routes: one look-up, µs of CPU',
  notes: ['The last route of the file is the one that fits.'],
  head: headOf(scene),
  rows: ROUTE_SHAPES.map(shape => [
    shape.name,
    ...scene.settings.routes.map(size => lookUpMicros(shape, size, scene.settings.lookUps).toFixed(2)),
  ]),
})

const requestTable = (scene: Scene, found: Found): Table => ({
  title: 'Routes: GET 1 KiB, µs of CPU per request',
  notes: [],
  head: headOf(scene),
  rows: found.map(([{ name }, sizes]) => [name, ...sizes.map(({ cpuMicros }) => spread(cpuMicros, 1))]),
})

const loadTable = (scene: Scene, found: Found): Table => ({
  title: 'Routes: start to first answer, ms of CPU · MiB resident then',
  notes: [],
  head: headOf(scene),
  rows: found.map(([{ name }, sizes]) => [
    name,
    ...sizes.map(({ startCpuMillis, startBytes }) => `${fixed(startCpuMillis, 0)} · ${mib(startBytes)}`),
  ]),
})

const ANY: Omit<Match, 'host'> = { scheme: undefined, port: undefined, path: undefined, methods: undefined }
const ROUNDS = 5

/** The best of some rounds: what disturbs only adds. */
function lookUpMicros(shape: RouteShape, size: number, times: number): number {
  const routes = Array.from({ length: size }, (_, i) => ({ match: { ...ANY, ...shape.match(i) }, mount: undefined }))
  const table = createRouteTable(routes)
  const { host, port, prefix } = shape.asked(size - 1)
  const path = `${prefix}${CLEAR.get1k.path}`
  if (table.find('http', host, port, 'GET', path) !== routes.at(-1)) throw new Error(`${shape.name}: not the last one`)
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    for (let i = 0; i < times; i++) table.find('http', host, port, 'GET', path)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / times
  })
  return Math.min(...rounds)
}
