import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { BenchResult } from '../../src/bench/measure.js'
import type { Target } from '../../src/bench/targets.js'
import { packageRoot } from '../../src/config/package-root.js'

const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))

async function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [bin, 'bench', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const read = async (stream: Readable) => {
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return text
  }
  const [out, err, [code]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'exit')])
  return { code: code as number, out, err }
}

t.test('a short bench measures every candidate under every workload without an error', async t => {
  const { code, out, err } = await bench('--seconds', '0.2', '--rounds', '1', '--connections', '8', '--json')
  t.equal(code, 0, err)
  const { cells, targets, settings } = JSON.parse(out) as BenchResult & { targets: readonly Target[] }
  t.strictSame(settings, { seconds: 0.2, rounds: 1, connections: 8 })
  t.strictSame([...new Set(cells.map(({ workload }) => workload))], ['GET 1 KiB', 'POST 16 KiB', 'GET 64 KiB'])
  const candidates = new Set<string>(cells.map(({ candidate }) => candidate))
  for (const name of ['direct', 'http-proxy', 'mulligan, pass-through', 'mulligan, retry'])
    t.ok(candidates.has(name), name)
  t.ok(cells.every(({ requestsPerSecond }) => requestsPerSecond > 0))
  t.equal(targets.length, 3)
})

t.test('a short bench of TLS finds every candidate speaking for its own authority', async t => {
  const { code, out, err } = await bench('--tls', '--seconds', '0.2', '--rounds', '1', '--connections', '8', '--json')
  t.equal(code, 0, err)
  const { cells, targets, notes } = JSON.parse(out) as BenchResult & { targets: readonly Target[] }
  t.strictSame([...new Set(cells.map(({ workload }) => workload))], ['GET 1 KiB', 'new connection', 'both sides new'])
  const absent = notes.includes('mitmproxy not found: install it to compare')
  if (absent) t.comment('mitmproxy is not installed: nothing to compare with')
  const expected = ['direct (TLS)', ...(absent ? [] : ['mitmproxy']), 'mulligan, intercepted']
  t.strictSame([...new Set<string>(cells.map(({ candidate }) => candidate))], expected)
  t.ok(cells.every(({ requestsPerSecond }) => requestsPerSecond > 0))
  t.strictSame(
    targets.map(({ value }) => value !== undefined),
    absent || !existsSync('/proc/self/stat') ? [false, false] : [true, true],
  )
})

t.test('a short bench of keys finds every request answered, and each new key claimed', async t => {
  const { code, out, err } = await bench('--keys', '--seconds', '0.2', '--rounds', '1', '--connections', '8', '--json')
  t.equal(code, 0, err)
  const { cells, targets } = JSON.parse(out) as BenchResult & { targets: readonly Target[] }
  t.strictSame([...new Set(cells.map(({ workload }) => workload))], ['POST 1 KiB, one at a time', 'POST 1 KiB'])
  t.ok(cells.every(({ requestsPerSecond, medianMicros }) => requestsPerSecond > 0 && medianMicros > 0))
  t.ok(targets.every(({ value }) => value !== undefined))
})

t.test('a figure out of range is a usage error', async t => {
  for (const args of [
    ['--seconds', '0'],
    ['--rounds', '1.5'],
    ['--connections', 'many'],
    ['--rounds', '1000'],
    ['--tls', '--keys'],
  ]) {
    const { code, err } = await bench(...args)
    t.equal(code, 2, args.join(' '))
    t.match(err, args[0])
  }
})
