/** Does `count` jobs, at most `lanes` at a time; the results are in the order of the jobs. */
export async function crowd<T>(
  count: number,
  lanes: number,
  job: (index: number, lane: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const work = async (lane: number) => {
    for (let index = next++; index < count; index = next++) results[index] = await job(index, lane)
  }
  await Promise.all(Array.from({ length: Math.min(count, lanes) }, (_, lane) => work(lane)))
  return results
}

/** Resolves as soon as the condition holds, with the milliseconds it took. Only for what gives no event. */
export async function until(condition: () => boolean, limit = 10_000): Promise<number> {
  const since = performance.now()
  while (!condition()) {
    if (performance.now() - since > limit) throw new Error(`not within ${limit} ms: ${condition.toString()}`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return performance.now() - since
}

/** The middle one: what a promise in milliseconds is measured by, since a busy machine only ever adds to some of them. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** Calls `job` every `period` ms, `count` times; arrival is part of such a scenario, not a wait for something. */
export function atRate<T>(count: number, period: number, job: (index: number) => Promise<T>): Promise<T[]> {
  const started = performance.now()
  const jobs: Promise<T>[] = []
  return new Promise(resolve => {
    const tick = setInterval(() => {
      const due = Math.min(count, Math.floor((performance.now() - started) / period) + 1)
      while (jobs.length < due) jobs.push(job(jobs.length))
      if (jobs.length < count) return
      clearInterval(tick)
      resolve(Promise.all(jobs))
    }, period)
  })
}
