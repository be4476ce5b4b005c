import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'
import { PRODUCTION_PACKAGES } from '../support/production-packages.js'

type Locked = {
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly overrides: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
  readonly license?: string
}

const root = fileURLToPath(packageRoot())
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))
const manifest = read('package.json') as Manifest
const lock = read('package-lock.json') as {
  readonly lockfileVersion: number
  readonly packages: Record<string, Locked>
}
const { '': own, ...packages } = lock.packages
const entries = Object.entries(packages)
const production = entries.filter(([, { dev }]) => dev !== true)

/** The name that the registry knows it by; an alias keeps that in `name`. */
const nameOf = ([path, { name }]: [string, Locked]): string =>
  name ?? path.slice(path.lastIndexOf('node_modules/') + 13)

/** Licences under which others may pass it on as a part of an MIT-licensed whole, with no more than a notice. */
const LICENCES = new Set(['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'])

test('T22: the lock file is of the manifest, and names what it locks by a strong hash and nowhere but the registry', t => {
  t.equal(lock.lockfileVersion, 3)
  t.match(own, { dependencies: manifest.dependencies, devDependencies: manifest.devDependencies })
  t.ok(entries.length > 100)
  const wrong = entries.filter(([, { integrity, resolved, link, version }]) => {
    const isFromRegistry = resolved === undefined || resolved.startsWith('https://registry.npmjs.org/')
    const isStrong = /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')
    return !isFromRegistry || !isStrong || link === true || !/^\d+\.\d+\.\d+/.test(version ?? '')
  })
  t.strictSame(wrong, [])
  t.end()
})

test('T22: no dependency is a repository, a folder or a URL', t => {
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.overrides }
  const range = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?[~^]?\d+\.\d+\.\d+(?:-[\w.]+)?$/
  t.strictSame(
    Object.entries(wanted).filter(([, spec]) => !range.test(spec)),
    [],
  )
  t.end()
})

test('T22: no install script runs, and each package that has one is known', t => {
  const having = entries.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(nameOf)
  t.strictSame([...new Set(having)].sort(), Object.keys(manifest.allowScripts).sort())
  t.notOk(Object.values(manifest.allowScripts).includes(true))
  t.end()
})

test('T22: an installation brings no package that nobody looked at', t => {
  const names = [...new Set(production.map(nameOf))].sort()
  t.strictSame(names, [...PRODUCTION_PACKAGES])
  t.end()
})

test('T22: every package of an installation has a licence that is on the list, and is what it was when it was locked', t => {
  const wrong = production
    .filter(([, { license }]) => !LICENCES.has(license ?? ''))
    .map(([path, { license }]) => [path, license])
  t.strictSame(wrong, [])
  // Those for other platforms are not here.
  const here = production.filter(([path]) => existsSync(join(root, path, 'package.json')))
  t.ok(here.length > 50, `${here.length} of ${production.length} are installed`)
  for (const [path, { license }] of here) {
    const said = (read(join(path, 'package.json')) as Manifest).license
    if (said !== license) t.fail(`${path} says ${said}, the lock file ${license}`)
  }
  t.end()
})

type Component = {
  readonly purl: string
  readonly licenses?: readonly unknown[]
  readonly hashes?: readonly { readonly alg: string }[]
}

test('T22: the bill of materials lists exactly these packages, each with hash and licence, without asking anybody', async t => {
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { cwd: root, env, maxBuffer: 16_777_216, timeout: 60_000 }
  const { stdout } = await promisify(execFile)(process.execPath, ['tools/sbom.js'], options)
  const sbom = JSON.parse(stdout) as { bomFormat: string; components: Component[] }
  t.equal(sbom.bomFormat, 'CycloneDX')
  t.strictSame(
    sbom.components.filter(({ licenses, hashes }) => licenses?.length !== 1 || hashes?.[0]?.alg !== 'SHA-512'),
    [],
  )
  const listed = new Set(sbom.components.map(({ purl }) => decodeURIComponent(purl)))
  const locked = new Set(production.map(entry => `pkg:npm/${nameOf(entry)}@${entry[1].version}`))
  t.strictSame([...listed].sort(), [...locked].sort())
})
