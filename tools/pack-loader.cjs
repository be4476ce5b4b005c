'use strict'
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')
const { Script } = require('node:vm')

/** In the bundle as `dist/packs.cjs`: loads its packs. `tools/packs.js` says what they are. */
const loaded = new Map()
const scripts = new Map()
const folder = pathToFileURL(join(__dirname, '/'))

/** The modules of a pack, by name: each a function that gives it. */
function pack(name) {
  let modules = loaded.get(name)
  if (modules === undefined) {
    const module = { exports: {} }
    scriptOf(name).runInThisContext()(module.exports, require, module, __filename, __dirname, folder, pack, later)
    modules = module.exports.modules
    loaded.set(name, modules)
  }
  return modules
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
