'use strict'
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')
const { Script } = require('node:vm')

/** In the bundle as `dist/packs.cjs`: loads its packs. `tools/packs.js` says what they are. */
const loaded = new Map()
const scripts = new Map()
const folder = pathToFileURL(join(__dirname, '/'))

/** Of Node's own modules those that a first answer can do without; loading them all takes a tenth of a start. */
const LATE = /^node:(?:child_process|crypto|dns|fs\/promises|module|tls|v8|zlib)$/

/** The modules of a pack, by name: each a function that gives it. */
function pack(name) {
  let modules = loaded.get(name)
  if (modules === undefined) {
    const module = { exports: {} }
    scriptOf(name).runInThisContext()(module.exports, requireLate, module, __filename, __dirname, folder, pack, later)
    modules = module.exports.modules
    loaded.set(name, modules)
  }
  return modules
}

/** `require`, but what is late is loaded when something of it is asked for. */
function requireLate(name) {
  if (!LATE.test(name)) return require(name)
  const late = Object.create(new Proxy({}, { get: (_, key) => loadedNow()[key], has: (_, key) => key in loadedNow() }))
  // From now on it is found without the proxy.
  const loadedNow = () => Object.setPrototypeOf(late, require(name))
  return late
}

/** What is in no pack. A script of its own may not import. */
const later = name => import(name)

function scriptOf(name) {
  const filename = join(__dirname, `${name}.pack`)
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    // Of another release or with other flags V8 refuses it, and compiles.
    cachedData: cacheOf(filename),
  })
  scripts.set(name, script)
  return script
}

function cacheOf(filename) {
  try {
    return readFileSync(`${filename}.cache`)
  } catch {
    return undefined
  }
}

module.exports = { pack, scripts }
