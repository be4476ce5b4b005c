import { copyFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Makes dist/page out of this folder: what the admin side serves. Nothing in it is fetched from anywhere else.

const here = fileURLToPath(new URL('.', import.meta.url))
const target = fileURLToPath(new URL('../dist/page/', import.meta.url))

mkdirSync(target, { recursive: true })
await build({
  entryPoints: [`${here}app.tsx`, `${here}app.css`],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2023', 'chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
})
for (const name of ['index.html', 'icon.svg']) copyFileSync(`${here}${name}`, `${target}${name}`)
