#!/usr/bin/env node
/**
 * Prints what an installation of this package brings along, as a CycloneDX document; needs no network. `npm sbom --omit=dev`
 * alone would not do: of npm 10 and 11 it leaves out every package that is a development dependency of something as well.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const read = name => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'))
const { devDependencies: _, ...manifest } = read('package.json')
const lock = read('package-lock.json')
delete lock.packages[''].devDependencies
for (const [path, { dev }] of Object.entries(lock.packages)) if (dev === true) delete lock.packages[path]

const place = mkdtempSync(join(tmpdir(), 'sbom-'))
// npm takes the name of what it describes from the folder.
const home = join(place, manifest.name)
try {
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify(lock))
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  const env = { ...process.env, npm_config_offline: 'true', npm_config_update_notifier: 'false' }
  const { status, error } = spawnSync('npm', args, { cwd: home, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) console.error(`cannot run npm: ${error.code}`)
  process.exitCode = status ?? 1
} finally {
  rmSync(place, { recursive: true, force: true })
}
