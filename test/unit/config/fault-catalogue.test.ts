import { readFileSync } from 'node:fs'
import t from 'tap'
import { FAULT_CATALOGUE } from '../../../src/config/fault-catalogue.js'
import { packageRoot } from '../../../src/config/package-root.js'

/** The names of the tests in a file, as they are written. */
function namesIn(file: string): string[] {
  const text = readFileSync(new URL(`test/${file}`, packageRoot()), 'utf8')
  return [...text.matchAll(/\btest\(\s*(?:'([^']*)'|"([^"]*)"|`([^`]*)`)/g)].map(([, ...names]) => names.join(''))
}

t.test('every fault of the catalogue has its tests, and they are where it says', t => {
  t.strictSame(
    FAULT_CATALOGUE.map(({ id }) => id),
    Array.from({ length: 30 }, (_, n) => `F${String(n + 1).padStart(2, '0')}`),
  )
  for (const { id, proof } of FAULT_CATALOGUE) {
    t.ok(proof.length > 0, id)
    for (const [file, words] of proof) {
      t.ok(
        namesIn(file).some(name => name.includes(words)),
        `${id}: ${file} has a test "${words}"`,
      )
    }
  }
  t.end()
})
