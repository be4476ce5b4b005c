import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

/** Besides the Node of this process; MULLIGAN_NODE_22 and its like name their binaries. */
const NODES = [22, 24].filter(major => major !== Number(process.versions.node.split('.')[0]))

/** What stands on Node's parser, on its HTTP/2, and on how its sockets read; all of it, as compiled here. */
const FILES = ['requests', 'trailers', 'http2-frames', '../integration/passing-bytes']

/** @returns what failed; empty when nothing did */
async function failures(binary: string, name: string): Promise<string> {
  const file = fileURLToPath(new URL(`../conformance/${name}.test.js`, import.meta.url))
  // What tap sets for this process is not for that one.
  const own = Object.entries(process.env).filter(([key]) => !/^(?:TAP|NODE_OPTIONS)/.test(key))
  const child = spawn(binary, [file], { env: Object.fromEntries(own), stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => (output += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0 ? '' : `${code}: ${output.match(/^ *not ok .*$/gm)?.join('\n') ?? output.slice(-2_000)}`
}

for (const major of NODES) {
  const binary = process.env[`MULLIGAN_NODE_${major}`]
  const missing = binary ? false : `MULLIGAN_NODE_${major} names no program: nothing was run on Node ${major}`
  test(`F2: on Node ${major} the wire tables hold`, { skip: missing }, async t => {
    for (const name of FILES) t.equal(await failures(binary ?? '', name), '', name)
  })
}
