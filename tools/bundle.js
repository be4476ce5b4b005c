import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildPacks, fromPacks, planPacks } from './packs.js'

/**
 * `node tools/bundle.js [FOLDER]`: this package with what it needs and nothing else, for this platform and this release
 * of Node; what the image holds. `dist/` in it is laid out as the compiler's, so that everything that is found by its
 * place is found. Decision record 18.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = resolve(ROOT, process.argv[2] ?? 'bundle')
const DIST = join(OUT, 'dist')

/** Has a native part, which it finds by its own place; bundled it reads its keys wrong. Copied as it is. */
const NATIVE = 'lmdb'
/** Loaded by name at run time, mostly never: packages of their own too. */
const BY_NAME = ['pino-pretty', 'undici']
/** In the page, which is built before. */
const IN_PAGE = 'preact'
/** Told from any other folder by it: nothing else is written over. */
const LICENCES = 'LICENSES-OF-OTHERS'

/** Parts of a package that never run: what it was compiled from, and what is for people. */
const IDLE = /^(?:src|dependencies|bin|tests?)$|\.d\.[cm]?ts$|\.(?:md|map)$/

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // Names stay: they are what a stack trace in a log is read by.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
}

/** CommonJS: what Node needs for modules of the other kind is loaded when there is one. */
const PROGRAM = `#!/usr/bin/env node
'use strict'
// A set exit code would wait for sockets that only a bug could have left open.
require('../dist/packs.cjs').pack('cli').cli().main(process.argv.slice(2)).then(process.exit)
`

if (existsSync(OUT) && readdirSync(OUT).length > 0 && !existsSync(join(OUT, LICENCES)))
  throw new Error(`${OUT} is there, and is no bundle`)
rmSync(OUT, { recursive: true, force: true })
const plan = await planPacks(OPTIONS)
const modules = await build({
  ...OPTIONS,
  entryPoints: laterModules(),
  outbase: 'src',
  outdir: DIST,
  format: 'esm',
  splitting: true,
  chunkNames: 'chunk/[name]-[hash]',
  external: [NATIVE],
  plugins: [fromPacks(plan)],
})
const packs = await buildPacks({ ...OPTIONS, outdir: DIST, external: [NATIVE] }, plan)
const preload = await build({
  ...OPTIONS,
  entryPoints: ['src/child/node-preload.cts'],
  outbase: 'src',
  outdir: DIST,
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  external: BY_NAME,
})
const named = await build({
  ...OPTIONS,
  entryPoints: BY_NAME.map(name => ({ in: name, out: `${name}/index` })),
  outdir: join(OUT, 'node_modules'),
  format: 'cjs',
})
for (const { path, text } of modules.outputFiles) write(path, `${preamble(path)}${text}`)
for (const { name, outputFiles } of packs) {
  const [{ text }] = outputFiles
  write(
    join(DIST, `${name}.pack`),
    `(function(exports,require,module,__filename,__dirname,DIST_FOLDER,PACK,LATER){${text}\n})`,
  )
}
cpSync(join(ROOT, 'tools/pack-loader.cjs'), join(DIST, 'packs.cjs'))
for (const { path, text } of [...preload.outputFiles, ...named.outputFiles]) write(path, text)
const copied = copyNative()
cpSync(join(ROOT, 'config'), join(OUT, 'config'), { recursive: true })
write(join(OUT, 'bin/mulligan.js'), PROGRAM)
write(join(OUT, 'bin/package.json'), '{ "type": "commonjs" }\n')
if (existsSync(join(ROOT, 'dist/page'))) cpSync(join(ROOT, 'dist/page'), join(DIST, 'page'), { recursive: true })
const { name, version, description, license, type, engines, bin } = JSON.parse(readText('package.json'))
write(
  join(OUT, 'package.json'),
  `${JSON.stringify({ name, version, description, license, type, engines, bin }, null, 2)}\n`,
)
write(join(OUT, 'LICENSE'), readText('LICENSE'))
write(
  join(OUT, LICENCES),
  licences([modules, preload, named, ...packs], [...copied, join(ROOT, 'node_modules', IN_PAGE)]),
)

compileAhead()

function readText(path) {
  return readFileSync(join(ROOT, path), 'utf8')
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** What is started as a process of its own: `new URL('./NAME.js', import.meta.url)` in some source. */
function programs() {
  const found = new Set()
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const path = join('src', name)
    for (const [, place] of readText(path).matchAll(/new URL\('(\.\.?\/[^']+)\.js', import\.meta\.url\)/g))
      found.add(join(dirname(path), `${place}.ts`))
  }
  return [...found].sort()
}

/** What is in no pack and has a name: programs, and what is loaded when it is needed. */
function laterModules() {
  const found = new Set(programs())
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const path = join('src', name)
    for (const [, place] of readText(path).matchAll(/\bimport\('(\.[^']+)\.js'\)/g)) {
      const target = join(dirname(path), `${place}.ts`)
      if (!plan.members.has(join(ROOT, target))) found.add(target)
    }
  }
  return [...found].sort()
}

/** `require` for the CommonJS packages inside, what asks the packs, and the folder that places are relative to. */
function preamble(path) {
  const up = relative(dirname(path), DIST).split(sep).join('/') || '.'
  return [
    `import{createRequire as requireOf}from"node:module";const require=requireOf(import.meta.url),`,
    `{pack:PACK}=require("${up}/packs.cjs"),DIST_FOLDER=new URL("${up}/",import.meta.url);\n`,
  ].join('')
}

/** What V8 compiles for a start and for the first requests, kept beside the packs. */
function compileAhead() {
  const state = mkdtempSync(join(tmpdir(), 'mulligan-bundle-'))
  // Flags of V8 in it would make what nobody else could use.
  const { NODE_OPTIONS: _, ...env } = process.env
  const program = join(ROOT, 'tools/code-cache.cjs')
  const { status, stderr } = spawnSync(process.execPath, [program, OUT, state], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  rmSync(state, { recursive: true, force: true })
  if (status !== 0) throw new Error(`the bundle does not run: ${stderr}`)
}

/** The package with what it depends on, and of its native files the one that this Node loads. Returns the folders. */
function copyNative() {
  const folders = new Set()
  const owner = join(ROOT, 'node_modules', NATIVE)
  const native = createRequire(join(owner, 'package.json'))('node-gyp-build-optional-packages').path(owner)
  const copy = folder => {
    if (folders.has(folder) || !existsSync(folder)) return
    folders.add(folder)
    const runs = path => !IDLE.test(relative(folder, path)) && (!path.endsWith('.node') || path === native)
    cpSync(folder, join(OUT, relative(ROOT, folder)), { recursive: true, filter: runs })
    const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    for (const name of Object.keys(dependencies ?? {})) copy(join(ROOT, 'node_modules', name))
  }
  copy(owner)
  copy(dirname(native))
  return folders
}

/** Every licence text that must go with the copies. */
function licences(results, folders) {
  const all = new Set(folders)
  for (const { metafile } of results) {
    for (const input of Object.keys(metafile.inputs)) {
      // Of a pack, which has it with its licence.
      if (input.startsWith('pack:')) continue
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
      if (folder !== undefined) all.add(join(ROOT, folder))
    }
  }
  const texts = [...all].sort().map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    // In folders below it are those of the C libraries in a native part.
    const files = readdirSync(folder, { recursive: true }).filter(entry =>
      /^(?!.*node_modules).*\blicen[cs]e(?:\.\w+)?$/i.test(entry),
    )
    const text = files.map(file => `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`).join('')
    return `${name} ${version} (${license})${text}`
  })
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
