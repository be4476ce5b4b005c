import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { SoakResult } from '../../src/bench/soak/soak.js'
import { packageRoot } from '../../src/config/package-root.js'
import { commandLine } from '../support/command-line.js'

const bin = fileURLToPath(new URL('bin/mulligan.js', packageRoot()))
const noProc = existsSync('/proc/self/fd') ? false : 'no /proc here: what a daemon holds cannot be seen from outside'
/** Without what a test runner loads into every Node. */
const env = { ...process.env, NODE_OPTIONS: '' }
const SEED = process.env['SEED'] ?? String(Math.floor(Math.random() * 2 ** 31))
/** For longer ones. */
const SECONDS = process.env['SECONDS'] ?? '2'
t.comment(`SEED=${SEED}`)

async function soak(...args: string[]): Promise<{ code: number | null; result: SoakResult; err: string }> {
  const sized = ['--seconds', SECONDS, '--connections', '40', '--tunnels', '40', '--seed', SEED, '--json']
  const child = spawn(process.execPath, [bin, 'bench', 'soak', ...sized, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const read = async (stream: Readable) => {
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return text
  }
  const [out, err, [code]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'exit')])
  return { code: code as number | null, result: JSON.parse(out || '{}') as SoakResult, err }
}

const broken = ({ promises }: SoakResult) => promises.filter(({ met }) => met === false).map(({ name }) => name)

/** What a failure is understood by. */
const seen = ({ promises, tally, complaints }: SoakResult) =>
  JSON.stringify({ promises, samples: tally?.samples, complaints }, undefined, 2)

/** By /proc/PID/stat, where the parent stands behind the name, which may hold spaces. */
function childrenOf(parent: number | undefined): readonly string[] {
  return readdirSync('/proc').filter(name => {
    try {
      const stat = /^\d+$/.test(name) ? readFileSync(`/proc/${name}/stat`, 'latin1') : ''
      return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]) === parent
    } catch {
      return false
    }
  })
}

t.jobs = 3

t.test(
  'a daemon under everything at once keeps every promise, and ends as small as it began',
  { skip: noProc },
  async t => {
    const { code, result, err } = await soak()
    t.strictSame(broken(result), [])
    if (code !== 0) t.comment(seen(result))
    t.equal(code, 0, err)
    const { tally, upstream, tunnels, exitCode, promises } = result
    t.comment(`${tally.requests} requests, ${upstream.arrivals} tries, ${tally.rude} rude clients`)
    t.ok(tally.requests > 10 && upstream.arrivals > 10, 'there was something to see')
    t.ok(upstream.tokens > 0)
    t.equal(tunnels.opened, 40)
    t.ok(tunnels.echoed > 0)
    t.equal(exitCode, 0)
    t.equal(promises.length, 14)
  },
)

t.test('what breaks a promise is noticed, and nothing else is said to be broken', { skip: noProc }, async t => {
  const spoils = ['effect', 'answer', 'cut', 'secret', 'socket'].flatMap(what => ['--spoil', what])
  const { code, result, err } = await soak(...spoils)
  t.equal(code, 1, err)
  t.strictSame(broken(result), [
    'effects done twice, where once was asked for',
    "answers or bytes that are somebody else's",
    'cut answers and uploads that passed as whole',
    'secrets in output, in answers, or sent where they do not belong',
    'descriptors open beyond those before',
    'handles and timers alive beyond those before',
  ])
})

t.test('a soak that is interrupted leaves nothing behind', { skip: noProc }, async t => {
  const child = spawn(process.execPath, [bin, 'bench', 'soak', '--seconds', '60'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  // An upstream, two clients and the daemon, which comes last.
  let pids: readonly string[] = []
  while (pids.length < 4) {
    pids = childrenOf(child.pid)
    await new Promise(setImmediate)
  }
  child.kill('SIGINT')
  const [code] = (await once(child, 'exit')) as [number | null]
  t.equal(code, 130)
  const left = pids.filter(pid => existsSync(`/proc/${pid}`))
  t.strictSame(left, [])
})

t.test('what a soak does not know is a usage error', async t => {
  const cases = [
    ['soak --spoil everything', '--spoil is one of effect'],
    ['soak --tunnels 1.5', '--tunnels is a whole number'],
    ['soak --seconds 0', '--seconds is a number'],
    ['nonsense', 'bench knows soak, not "nonsense"'],
  ] as const
  for (const [words, said] of cases) {
    const { code, err } = await commandLine('.', `bench ${words}`)
    t.equal(code, 2, words)
    t.match(err, said)
  }
})
