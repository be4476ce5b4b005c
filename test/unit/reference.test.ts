import t from 'tap'
import { generate, jsonSchema } from '../../src/reference.js'

t.test('every key says what it is for', t => {
  const silent: string[] = []
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, child] of Object.entries(node)) {
      if (key === 'default') continue
      const isProperties = path.endsWith('/properties')
      if (isProperties && typeof (child as { description?: unknown }).description !== 'string')
        silent.push(`${path}/${key}`)
      visit(child, `${path}/${key}`)
    }
  }
  visit(jsonSchema(), '')
  t.same(silent, [])
  t.end()
})

t.test('the pages name every key, fault and refusal with its default and meaning', t => {
  const pages = generate()
  const page = pages.get('docs/config-reference.md') ?? ''
  t.match(page, '| `routes[].retry.attempts` | integer | `3` | 1 to 20 | Tries in total')
  t.match(page, '| `limits.header_bytes` | size | `64KiB` | 1KiB to 1MiB |')
  t.match(page, '| `routes[].name` | name | required |')
  const silent = page.split('\n').filter(line => line.startsWith('| `') && / \|\s*\|$/.test(line))
  t.same(silent, [], 'no row without a meaning')
  const faults = pages.get('docs/faults.md') ?? ''
  t.match(faults, '| `connection_refused` | `connect_failed` | 502 | no: `not-sent` |')
  t.match(faults, '| `breaker_open` | 503 |')
  t.same([...pages.keys()], ['config/schema.json', 'config/openapi.json', 'docs/config-reference.md', 'docs/faults.md'])
  t.end()
})
