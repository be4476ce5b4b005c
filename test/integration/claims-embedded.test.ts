import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Asked, Opened } from '../../src/idempotency/asked.js'
import { Claims } from '../../src/idempotency/claims.js'
import { embeddedStore } from '../../src/store/embedded-store.js'
import { systemClock } from '../../src/time/clock.js'
import { answer, asked, short } from '../support/claims-rig.js'
import { shortDir } from '../support/short-dir.js'
import { undisturbed } from '../support/undisturbed.js'

const self = fileURLToPath(import.meta.url)

/** Updates that one commit takes. */
const GROUP = 128

const due = (key: string, more: Partial<Asked> = {}): Asked => ({
  ...asked(key, { dueAt: systemClock.monotonic() + 60_000 }),
  ...more,
})

const open = async (state: string, instance: string) => {
  const store = await embeddedStore({ state, name: 'claims', clock: systemClock })
  return { store, claims: new Claims(store, systemClock, instance) }
}

/** This file again, as another process: claims `key` for each line it reads, and writes what it was told. */
async function actAsProcess(state: string, instance: string): Promise<void> {
  const { claims } = await open(state, instance)
  for await (const line of createInterface(process.stdin)) {
    const [key = '', end] = line.split(' ')
    claims.open(due(key), opened => {
      if (opened.kind === 'claimed' && end !== undefined) opened.claim.complete(201, answer(end))
      process.stdout.write(`${short(opened)}\n`)
    })
  }
}

class Other {
  readonly process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(state: string, instance: string) {
    const env = { ...process.env, NODE_OPTIONS: '' }
    this.process = spawn(process.execPath, [self, 'process', state, instance], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface(this.process.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]()
  }

  async ask(line: string): Promise<string> {
    this.process.stdin?.write(`${line}\n`)
    return (await this.#lines.next()).value
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    this.process.kill('SIGKILL')
    await once(this.process, 'exit')
  }
}

async function test(): Promise<void> {
  const { default: t } = await import('tap')

  t.test('I12: what a process had open when it was killed is uncertain for another within 4 s', async t => {
    // A process that is held up for as long as it may be silent is not told from one that is dead.
    const { before, told, after } = await undisturbed(() => orphaned(t), 800, 3)
    t.strictSame(before, [])
    t.strictSame(told, ['unknown'])
    t.ok(after < 4_000, `${Math.round(after)} ms`)
  })

  /** What is told to who waits for a claim of another process, before that is killed and then; and after which time. */
  async function orphaned(t: Test) {
    const state = shortDir(t)
    const other = new Other(state, 'other')
    t.teardown(() => other.kill())
    const { store, claims } = await open(state, 'one')
    t.teardown(async () => {
      await claims.close()
      await store.close()
    })
    const ask = (one: Asked) => new Promise<Opened>(resolve => claims.open(one, resolve))

    t.equal(await other.ask('done x'), 'claimed')
    t.equal(short(await ask(due('done'))), 'replay x', 'a completed claim is everybody’s')
    t.equal(await other.ask('block'), 'claimed')
    t.equal(await other.ask('resume'), 'claimed')
    const told: string[] = []
    const waits = ask(due('block')).then(opened => told.push(short(opened)))
    t.equal(short(await ask(due('block', { fingerprint: 'other' }))), 'reused')
    // Longer than one process may be silent, and the claim is still in flight.
    await new Promise<void>(resolve => systemClock.schedule(3_500 as never, resolve))
    const before = [...told]

    const killedAt = systemClock.monotonic()
    await other.kill()
    await waits
    const after = systemClock.monotonic() - killedAt
    t.equal(short(await ask(due('resume', { uncertain: 'resume' }))), 'resumed')
    t.equal(short(await ask(due('done'))), 'replay x', 'what completed stays')
    return { before, told, after }
  }

  t.test('I5: another payload that comes between the end of a claim and its answer is refused', async t => {
    const { store, claims } = await open(t.testdir({}), 'one')
    t.teardown(async () => {
      await claims.close()
      await store.close()
    })
    const ask = (one: Asked) => new Promise<Opened>(resolve => claims.open(one, resolve))
    const first = await ask(due('k'))
    const waits = ask(due('k'))
    const crowd = Array.from({ length: GROUP - 1 }, () => store.update([], () => ({ result: undefined })))
    if (first.kind === 'claimed') first.claim.complete(201, answer('x'))
    // Behind the commit that takes the end along, before the one that whoever waits is told by.
    const other = new Promise<Opened>(resolve => {
      setImmediate(() => claims.open({ ...due('k'), fingerprint: 'other' }, resolve))
    })
    await Promise.all(crowd)
    t.equal(short(await waits), 'replay x')
    t.equal(short(await other), 'reused')
  })

  t.test('I6: of three processes that ask for the same keys at once, one claims each', async t => {
    const state = t.testdir({})
    const others = ['a', 'b', 'c'].map(name => new Other(state, name))
    t.teardown(() => Promise.all(others.map(other => other.kill())))
    const count: Record<string, number> = {}
    for (let key = 0; key < 100; key++) {
      const told = await Promise.all(others.map(other => other.ask(`key-${key} same`)))
      for (const one of told) count[one] = (count[one] ?? 0) + 1
    }
    t.strictSame(count, { claimed: 100, 'replay same': 200 })
  })
}

const [, , role, state = '', instance = ''] = process.argv
if (role === 'process') await actAsProcess(state, instance)
else await test()
