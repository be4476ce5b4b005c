import fc from 'fast-check'

type Tester = { comment(text: string): void; pass(message: string): unknown }

/** Asserts a property with a fresh seed, which is printed; `SEED=n` repeats a run. */
export function holds<T>(t: Tester, property: fc.IProperty<T>, numRuns = 300): void {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  fc.assert(property, { seed, numRuns })
  t.pass(`${numRuns} cases`)
}
