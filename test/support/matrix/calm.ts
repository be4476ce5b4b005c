import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { SECRET } from './cell.js'
import { isGood } from './judge.js'
import { SHAPES, WAYS } from './lanes.js'
import { wellPlayed } from './plays.js'
import type { MatrixScene } from './scene.js'
import { type Asker, tryOut } from './trial.js'

/** What a daemon has that does nothing: files by kind, what keeps its event loop busy, and its memory. */
export type Calm = {
  readonly files: Readonly<Record<string, number>>
  readonly active: Readonly<Record<string, number>>
  readonly rss: number
  readonly heap: number
}

/** As long as it may take until all that was caused is gone, in milliseconds. */
const PATIENCE = 10_000
/** After a full collection, in bytes. */
const HEAP_MORE = 10 * 1_048_576
/** What the admin side tells whoever asks. */
const ADMIN = ['exchanges', 'credentials', 'status', 'config', 'ledger', 'idempotency'].map(name => `/v1/${name}`)
/** What a store on disk has now and then, once it was used: it sweeps what is over. A leak would be one for each request. */
const SWEEPS: Readonly<Record<string, number>> = { Timeout: 2, Immediate: 1 }
const GAUGES = [
  'mulligan_inflight',
  'mulligan_tunnels_open',
  'mulligan_body_memory_bytes',
  'mulligan_upstream_connections',
]

/** Serves every kind of request on every way once, hangs up on everybody, and looks. */
export async function calmOf(scene: MatrixScene): Promise<Calm> {
  const wrong = await clean(scene)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  return quiet(scene, undefined)
}

/** Nothing is left of what went before: not a socket, file, timer or listener; and the next requests are answered. */
export async function provesCalm(t: Test, scene: MatrixScene, before: Calm): Promise<Calm> {
  t.strictSame(await clean(scene), [], 'the next requests are answered, of every kind and on every way')
  const after = await quiet(scene, before)
  t.strictSame(more(after, before), [], 'no file, socket, server, timer or request more than before')
  t.ok(after.heap - before.heap < HEAP_MORE, `${mib(after.heap - before.heap)} MiB more in the heap`)
  const { text, scrape } = await scene.daemon.metrics()
  for (const gauge of GAUGES) t.equal(scrape.value(gauge), 0, gauge)
  t.notMatch(text, SECRET, 'no secret in the metrics')
  for (const path of ADMIN) t.notMatch(await scene.daemon.told(path), SECRET, `no secret in ${path}`)
  t.comment(`RSS ${mib(after.rss)} MiB, heap ${mib(after.heap)} MiB`)
  return after
}

export const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1)

/** The kinds of which there are more now. */
const more = (now: Calm, before: Calm): string[] =>
  (['files', 'active'] as const).flatMap(of =>
    Object.entries(now[of]).flatMap(([kind, count]) =>
      count > (before[of][kind] ?? 0) + (SWEEPS[kind] ?? 0) ? [`${kind}: ${count}, was ${before[of][kind] ?? 0}`] : [],
    ),
  )

const alike = (one: Calm, other: Calm): boolean =>
  isDeepStrictEqual([one.files, one.active], [other.files, other.active])

async function clean(scene: MatrixScene): Promise<string[]> {
  const run = async ({ ask, dice }: Asker): Promise<string[]> => {
    const kinds = WAYS.flatMap(way => SHAPES.map(shape => ({ way, shape })))
    const all = await Promise.all(
      kinds.map(({ way, shape }) =>
        ask(shape, dice.pick(['plain', 'secure']), turn => wellPlayed(turn, dice), { way }),
      ),
    )
    return all.flatMap(({ got, errand }) => isGood(errand.id)(got) ?? [])
  }
  return tryOut(scene, { fault: 'clean', name: 'requests', run }, 1)
}

/** Everybody hangs up, and what that ends is given time to end. @param before undefined: until nothing changes any more */
async function quiet(scene: MatrixScene, before: Calm | undefined): Promise<Calm> {
  await scene.client.close()
  scene.origin.hangUp()
  let last = before
  for (const since = performance.now(); ; ) {
    const now = { files: scene.daemon.files(), ...(await scene.daemon.inside()) }
    const settled = last !== undefined && (before === undefined ? alike(now, last) : more(now, last).length === 0)
    if (settled || performance.now() - since > PATIENCE) return now
    if (before === undefined) last = now
    await new Promise(resolve => setTimeout(resolve, before === undefined ? 300 : 50))
  }
}
