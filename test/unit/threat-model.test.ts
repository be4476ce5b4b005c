import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, packageRoot())), 'utf8')
const page = read('docs/security.md')
const rows = page.split('\n').filter(line => /^\| T\d+ \|/.test(line))

/** The names of the tests in a file, as they are written there. */
const namesIn = (text: string): string =>
  [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs)].map(([, , name = '']) => name).join('\n')

test('the threat model has its 24 rows, in order, each with all of its columns', t => {
  t.strictSame(
    rows.map(row => row.split('|')[1]?.trim()),
    Array.from({ length: 24 }, (_, i) => `T${i + 1}`),
  )
  for (const row of rows) t.equal(row.split('|').length, 7, row.slice(0, 40))
  t.end()
})

test('every test that the threat model names is there', t => {
  for (const row of rows) {
    const links = [...row.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\)/g)]
    t.ok(links.length > 0, row.slice(0, 40))
    for (const [, words = '', path = ''] of links) t.ok(namesIn(read(path)).includes(words), `${path}: ${words}`)
  }
  t.end()
})

test('every link of the pages on security leads to something', t => {
  for (const [from, text] of [
    ['docs/', page],
    ['', read('SECURITY.md')],
  ] as const) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target)) continue
      t.ok(existsSync(fileURLToPath(new URL(from + target, packageRoot()))), target)
    }
  }
  t.end()
})
