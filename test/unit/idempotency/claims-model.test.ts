import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { playClaims } from '../../support/claims-play.js'

const STEPS = Number(process.env['STEPS'] ?? 300_000)
const THREADS = 2

/** In threads of their own, without tap: what it notes of every promise takes as long as all the rest. */
async function playInThread(seed: number, steps: number): Promise<Record<string, number>> {
  const file = fileURLToPath(import.meta.url)
  const env = { ...process.env, NODE_OPTIONS: '' }
  const worker = new Worker(file, { workerData: { seed, steps }, execArgv: [], env })
  const [counts] = (await once(worker, 'message')) as [Record<string, number>]
  return counts
}

if (isMainThread) {
  const { default: t } = await import('tap')
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const steps = STEPS
  t.test(
    `I6, I12: ${steps} random steps of three processes on one store go as the model says`,
    { timeout: 600_000 },
    async t => {
      t.comment(`seed ${seed}`)
      const started = performance.now()
      const all = await Promise.all(
        Array.from({ length: THREADS }, (_, thread) => playInThread(seed + thread, steps / THREADS)),
      )
      const sums: Record<string, number> = {}
      for (const counts of all)
        for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count
      t.comment(`${Math.round(performance.now() - started)} ms`, sums)
      const kinds = [
        'claimed',
        'resumed',
        'replay',
        'shared',
        'reused',
        'in-flight',
        'unknown',
        'no-body',
        'insert-rate',
      ]
      for (const kind of kinds) t.ok((sums[kind] ?? 0) > steps / 1_000, `${kind} happened`)
    },
  )
} else {
  const { seed, steps } = workerData as { seed: number; steps: number }
  parentPort?.postMessage(await playClaims(seed, steps))
}
