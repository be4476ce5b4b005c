import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageRoot } from '../src/config/package-root.js'
import { TOGETHER } from './support/together.js'

/**
 * Unit tests that touch nothing of their process, in one: a process for each costs more than all that they do. Each file
 * still runs on its own: `node build/test/unit/http/via.test.js`.
 */
const unit = new URL('unit/', import.meta.url)

t.test('every folder of unit tests is run once: here, or by .taprc in processes of their own', t => {
  const folders = readdirSync(fileURLToPath(unit), { withFileTypes: true }).filter(entry => entry.isDirectory())
  const settings = readFileSync(new URL('.taprc', packageRoot()), 'utf8')
  const apart = /build\/test\/unit\/\{([a-z,]+)\}/.exec(settings)?.[1]?.split(',') ?? []
  t.strictSame([...TOGETHER, ...apart].sort(), folders.map(({ name }) => name).sort())
  t.end()
})

for (const folder of TOGETHER) {
  const files = readdirSync(fileURLToPath(new URL(`${folder}/`, unit)), { recursive: true, encoding: 'utf8' })
  for (const file of files.filter(name => name.endsWith('.test.js')).sort())
    await import(new URL(`${folder}/${file}`, unit).href)
}
