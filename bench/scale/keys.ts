import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endChild, Sandbox } from '../../src/child/sandbox.js'
import { nextMessage, spawnScript } from '../../src/child/script-process.js'
import { cpuBetween, readCpu } from '../cpu-clock.js'
import { residentBytes } from '../memory.js'
import type { Filled, KeysOrder, Opened, Swept } from './keys-process.js'

/** What many idempotency keys cost, in each of the stores. Usage: node build/bench/scale/keys.js [--keys 1000000] [--stores embedded,redis] */
const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    stores: { type: 'string', default: 'embedded,memory,redis' },
  },
})
const keys = Number(values.keys)
const MIB = 1_048_576
/** Each of them a request, so that what the server counts is theirs. */
const SHARED_KEYS = 60_000

/** A process of its own for each, so that no figure holds what another left. */
async function measure<T>(sandbox: Sandbox, order: KeysOrder): Promise<T> {
  const child = spawnScript(sandbox, new URL('./keys-process.js', import.meta.url))
  child.send(order)
  const found = (await nextMessage(child)) as T
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  return found
}

function say(name: string, { first, last, keys, bytes }: Filled): void {
  const refused = last.refused === undefined ? '' : `; then: ${last.refused}`
  console.log(`${name}: ${first.micros.toFixed(1)} µs of CPU for a claim and its answer while there are few keys`)
  console.log(
    `${name}: ${last.micros.toFixed(1)} µs with ${keys} keys, ${(bytes / MIB).toFixed(0)} MiB resident${refused}`,
  )
}

async function embedded(sandbox: Sandbox): Promise<void> {
  const state = join(sandbox.folder, 'embedded')
  mkdirSync(state)
  say('embedded', await measure<Filled>(sandbox, { work: 'fill', kind: 'embedded', state, keys }))
  const { size } = statSync(join(state, 'store', 'claims.mdb'))
  const crashed = await measure<Opened>(sandbox, { work: 'open', state })
  const orderly = await measure<Opened>(sandbox, { work: 'open', state })
  console.log(`embedded: a file of ${(size / MIB).toFixed(0)} MiB`)
  console.log(
    `embedded: opened in ${crashed.millis.toFixed(0)} ms after kill -9, in ${orderly.millis.toFixed(0)} ms after an orderly end`,
  )
  const swept = await measure<Swept>(sandbox, { work: 'sweep', state })
  console.log(
    `embedded: ${swept.micros.toFixed(1)} µs to forget an entry that has ended, ${swept.perSecond.toFixed(0)} a second`,
  )
}

async function memory(sandbox: Sandbox): Promise<void> {
  say('memory', await measure<Filled>(sandbox, { work: 'fill', kind: 'memory', state: sandbox.folder, keys }))
}

async function redis(sandbox: Sandbox): Promise<void> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = sandbox.spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { pid } = server
  if (pid === undefined) return console.log('redis: redis-server is not installed, so not measured')
  for await (const chunk of server.stdout ?? []) if (/Ready to accept connections/.test(String(chunk))) break
  server.stdout?.resume()
  const before = readCpu(pid)
  const filled = await measure<Filled>(sandbox, {
    work: 'fill',
    kind: 'redis',
    state: sandbox.folder,
    port,
    keys: SHARED_KEYS,
  })
  const after = readCpu(pid)
  say('redis', filled)
  const micros = before && after ? cpuBetween(before, after) / filled.keys : Number.NaN
  const info = await new Promise<string>(resolve => {
    const cli = spawn('redis-cli', ['-p', String(port), 'info', 'stats'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    cli.stdout.on('data', chunk => (text += String(chunk)))
    cli.on('close', () => resolve(text))
  })
  const each = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]) / filled.keys
  const [commands, sent, received] = [
    'total_commands_processed',
    'total_net_input_bytes',
    'total_net_output_bytes',
  ].map(each)
  console.log(
    `redis: ${micros.toFixed(1)} µs of CPU of redis-server for each, ${((residentBytes(pid) ?? 0) / MIB).toFixed(0)} MiB resident`,
  )
  console.log(
    `redis: ${commands?.toFixed(2)} commands, scripts' own included; ${sent?.toFixed(0)} bytes sent, ${received?.toFixed(0)} received`,
  )
  await endChild(server)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const sandbox = new Sandbox('scale')
try {
  const stores = values.stores.split(',')
  if (stores.includes('embedded')) await embedded(sandbox)
  if (stores.includes('memory')) await memory(sandbox)
  if (stores.includes('redis')) await redis(sandbox)
} finally {
  await sandbox.close()
}
