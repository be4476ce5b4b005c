import { readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Packs: what is loaded together is one file, with what V8 made of it beside it (`code-cache.cjs`). A start reads two
 * of them instead of a hundred chunks, and compiles nothing. A module is in one pack only; whoever needs it from outside
 * asks the pack for it, so that there is one of each. Everything else stays in chunks. Decision record 18.
 */
const PACKS = [
  { name: 'cli', roots: ['cli.ts'] },
  { name: 'daemon', roots: ['cli/start.ts'] },
  { name: 'config', roots: ['config/load.ts'] },
  { name: 'admin', roots: ['admin/app.ts'] },
  { name: 'certificate', roots: ['certificate/issue.ts'] },
]

/** What pino writes with where nobody gives it a stream, which loads what starts threads; zod's words in 50 languages. */
const NEVER_USED = /^(?:sonic-boom|worker_threads|\.\/(?:lib\/)?transport|\.\.\/locales\/index\.js)$/
const THEIRS = /node_modules[/\\](?:pino|zod)[/\\]/

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')

/** The name of a module: its path in `src/` without the ending, or the path of a package's file. */
const nameOf = path =>
  path.startsWith(SRC) ? relative(SRC, path).split(sep).join('/').replace(/\.ts$/, '') : relative(ROOT, path)

/** Every module that is in some pack: path to `{ pack, isCommonJs, names }`. @param options of esbuild */
export async function planPacks(options) {
  const members = new Map()
  for (const { name, roots } of PACKS) {
    const { metafile } = await build({
      ...options,
      entryPoints: roots.map(root => join('src', root)),
      outdir: ROOT,
      format: 'esm',
      plugins: [
        {
          name: 'what is loaded with it',
          setup: ({ onResolve }) =>
            onResolve({ filter: /./ }, ({ kind, path }) =>
              kind === 'dynamic-import' ? { path, external: true } : undefined,
            ),
        },
      ],
    })
    for (const [path, { format }] of Object.entries(metafile.inputs)) {
      if (/^\(disabled\)|^<|:/.test(path) || members.has(join(ROOT, path))) continue
      members.set(join(ROOT, path), { pack: name, isCommonJs: format === 'cjs' })
    }
  }
  const own = [...members.keys()].filter(path => path.startsWith(SRC))
  const { metafile } = await build({
    ...options,
    entryPoints: own,
    outbase: 'src',
    outdir: ROOT,
    bundle: false,
    format: 'esm',
  })
  for (const { entryPoint, exports } of Object.values(metafile.outputs))
    members.get(join(ROOT, entryPoint)).names = exports
  return { members, asked: new Set(PACKS.flatMap(({ roots }) => roots.map(root => join(SRC, root)))) }
}

/** Asks the packs for their modules. @param pack the one that is built; `undefined` for what is in none */
export const fromPacks = ({ members, asked }, pack) => ({
  name: 'packs',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /./ }, async args => {
      const { path, pluginData, ...rest } = args
      if (pluginData === IS_ASKED || rest.kind === 'entry-point' || rest.namespace === 'pack') return undefined
      const found = await resolve(path, { ...rest, pluginData: IS_ASKED })
      const member = members.get(found.path)
      if (member !== undefined && member.pack !== pack) {
        asked.add(found.path)
        return { path: found.path, namespace: 'pack' }
      }
      return found
    })
    onResolve({ filter: NEVER_USED }, ({ path, importer }) =>
      THEIRS.test(importer) ? { path, namespace: 'never used' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'never used' }, () => ({ contents: 'module.exports = class {}' }))
    onLoad({ filter: /./, namespace: 'pack' }, ({ path }) => {
      const { names } = members.get(path)
      const got = `PACK(${JSON.stringify(members.get(path).pack)})[${JSON.stringify(nameOf(path))}]()`
      return {
        contents: names === undefined ? `module.exports = ${got}` : `export const { ${names.join(', ')} } = ${got}`,
      }
    })
    // A module asks for its neighbours where the compiler would have put it, whichever file it is in.
    onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', `new URL('${nameOf(path)}.js', DIST_FOLDER).href`)
        .replace(/(?<!typeof )\bimport\('([^']+)'\)/g, (all, place) => {
          const isOwn = place.startsWith('.')
          const target = join(dirname(path), place.replace(/\.js$/, '.ts'))
          const member = isOwn ? members.get(target) : undefined
          if (member === undefined)
            return pack === undefined ? all : `LATER('${isOwn ? `./${nameOf(target)}.js` : place}')`
          asked.add(target)
          // Not as an import: one that failed, with no file left to open, would have failed for good.
          return `Promise.resolve().then(() => PACK('${member.pack}')['${nameOf(target)}']())`
        })
      return { contents, loader: 'ts' }
    })
  },
})

const IS_ASKED = Symbol('is asked')

/** The packs, as functions of what `pack.cjs` gives them. What is in none must have been built: it says what it asks for. */
export async function buildPacks(options, plan) {
  const results = []
  for (const { name } of PACKS.toReversed()) {
    const result = await build({
      ...options,
      stdin: { contents: registry(plan, name), resolveDir: ROOT, loader: 'js' },
      outfile: join(options.outdir, `${name}.pack`),
      outdir: undefined,
      format: 'cjs',
      plugins: [fromPacks(plan, name)],
    })
    results.push({ name, ...result })
  }
  return results.toReversed()
}

/** What is asked of a pack, by name; nothing is evaluated later than the pack. */
function registry({ members, asked }, pack) {
  const lines = []
  const entries = []
  for (const path of asked) {
    const member = members.get(path)
    if (member.pack !== pack) continue
    const id = `m${lines.length}`
    const from = JSON.stringify(path)
    lines.push(member.isCommonJs ? `import ${id} from ${from}` : `import * as ${id} from ${from}`)
    const given =
      member.names === undefined ? id : `({ ${member.names.map(name => `${name}: ${id}.${name}`).join(', ')} })`
    entries.push(`${JSON.stringify(nameOf(path))}: () => ${given}`)
  }
  return `${lines.join('\n')}\nexport const modules = { ${entries.join(',\n')} }\n`
}
