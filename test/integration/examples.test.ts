import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { main } from '../../src/cli.js'
import { packageRoot } from '../../src/config/package-root.js'

/** Files that are for other programs. */
const FOREIGN = ['alerts.yaml', 'compose.yaml', 'conformance-kit.yaml', 'kubernetes.yaml']

const pathOf = (name: string): string => fileURLToPath(new URL(name, packageRoot()))
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8')

const configs = [
  ...readdirSync(pathOf('examples'))
    .filter(name => name.endsWith('.yaml') && !FOREIGN.includes(name))
    .map(name => `examples/${name}`),
  'config/example.yaml',
  'config/minimal.yaml',
]

/** What `mulligan check` says of a file. */
async function check(file: string): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const io = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    env: { HOME: '/nowhere', PROXY_PASSWORD: 'x' },
    cwd: '/',
  }
  return { code: await main(['check', '--config', file], io), out, err }
}

t.test('every example configuration is valid, and warns of nothing', async t => {
  t.ok(configs.length >= 5)
  for (const file of configs) {
    const { code, err } = await check(pathOf(file))
    t.equal(code, 0, `${file} is valid: ${err}`)
    t.notMatch(err, 'warning:', `${file} draws no warning`)
  }
})

t.test('every configuration in a document is valid', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'mulligan-docs-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const pages = readdirSync(pathOf('docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && name !== 'config-reference.md')
    .map(name => `docs/${name}`)
  for (const page of ['README.md', ...pages]) {
    const blocks = [...textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
    for (const [i, block] of blocks.entries()) {
      const file = `${folder}/${i}.yaml`
      writeFileSync(file, block)
      const { code, err } = await check(file)
      t.equal(code, 0, `block ${i + 1} of ${page} is valid: ${err}`)
    }
  }
})

t.test('what is for other programs is at least YAML, and names files that exist', t => {
  for (const name of FOREIGN) {
    const errors = parseAllDocuments(textOf(`examples/${name}`)).flatMap(document => document.errors)
    t.strictSame(errors, [], name)
  }
  const mounted = /\.\/([^\s:]+\.yaml):/.exec(textOf('examples/compose.yaml'))?.[1] ?? ''
  t.ok(readdirSync(pathOf('examples')).includes(mounted), `compose.yaml mounts ${mounted}`)
  t.match(textOf('Dockerfile'), 'COPY examples/container.yaml', 'the image has a configuration')
  t.end()
})

t.test('links between documents lead somewhere', t => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/base-url.md']
  const docs = readdirSync(pathOf('docs'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md'))
  for (const page of [...pages, ...docs.map(name => `docs/${name}`)]) {
    const links = [...textOf(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link)
    const dead = links.filter(
      link => !/^https?:/.test(link) && !existsSync(new URL(link, new URL(page, packageRoot()))),
    )
    t.strictSame(dead, [], `dead links in ${page}`)
  }
  t.end()
})
