import { spawnSync } from 'node:child_process'
import { startScript } from '../../src/bench/local-server.js'
import { pin } from '../../src/bench/measure.js'
import type { Pinning } from '../../src/bench/suite.js'
import { keepUpstreamCertificate } from '../../src/bench/upstream-certificate.js'
import type { Sandbox } from '../../src/child/sandbox.js'
import { TLS_NAME } from '../door.js'
import { type Load, startLoad } from '../load.js'
import type { Place } from '../program.js'
import type { Say } from '../side-by-side.js'
import type { ScaleSettings } from './settings.js'

/** What every part is given. @property program the `bin/mulligan.js` that is measured */
export type Scene = {
  readonly place: Place
  /** The same with an upstream that speaks TLS. */
  readonly tlsPlace: Place
  readonly load: Load
  readonly program: string
  readonly settings: ScaleSettings
  readonly say: Say
}

const UPSTREAM = new URL('../../src/bench/upstream-process.js', import.meta.url)

export async function openScene(sandbox: Sandbox, program: string, settings: ScaleSettings, say: Say): Promise<Scene> {
  const pinning = pin()
  // This program asks as well, and must take nothing from whom it measures.
  if (pinning.load.length > 0) spawnSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)])
  const { roots, certificate, key } = await keepUpstreamCertificate(sandbox.folder, TLS_NAME)
  const upstream = await startScript(sandbox, UPSTREAM, [], pinning.load)
  const overTls = await startScript(sandbox, UPSTREAM, [certificate, key], pinning.load)
  const place: Place = { sandbox, pinning, upstream: upstream.port, roots, isBulk: false }
  return {
    place,
    tlsPlace: { ...place, upstream: overTls.port },
    load: await startLoad(place),
    program,
    settings,
    say,
  }
}

/** Everybody on the same cpus, those two that are otherwise parted. */
export async function togetherOf({ place }: Scene): Promise<{ readonly place: Place; readonly load: Load }> {
  const both = place.pinning.load.length > 0 ? ['taskset', '-c', '0,1'] : []
  const pinning: Pinning = { proxy: both, load: both }
  const upstream = await startScript(place.sandbox, UPSTREAM, [], both)
  const together = { ...place, pinning, upstream: upstream.port }
  return { place: together, load: await startLoad(together) }
}
