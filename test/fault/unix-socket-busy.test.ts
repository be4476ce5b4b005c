import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { makeWay } from '../../src/listener/unix-socket.js'
import { shortDir } from '../support/short-dir.js'

const SERVER = `require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log('up'))`

/** A process that listens, and gets nothing done. */
async function startStopped(t: Test, path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', SERVER, path], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
}

/** Connects until nobody else may wait. @returns the error of the one too many */
async function crowd(t: Test, path: string): Promise<string | undefined> {
  for (let i = 0; i < 64; i++) {
    const socket = connect(path)
    t.teardown(() => socket.destroy())
    const refused = once(socket, 'connect').then(
      () => undefined,
      error => (error as NodeJS.ErrnoException).code,
    )
    const code = await refused
    if (code !== undefined) return code
  }
  return undefined
}

test('a socket whose owner is too busy to answer is nobody’s leftover, and stays', async t => {
  const path = join(shortDir(t), 'busy.sock')
  await startStopped(t, path)
  t.equal(await crowd(t, path), 'EAGAIN')
  t.equal(await makeWay(path), false)
  t.ok(existsSync(path))
})

test('a socket file whose owner is gone is removed', async t => {
  const path = join(shortDir(t), 'left.sock')
  const child = spawn(process.execPath, ['-e', SERVER, path], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  t.ok(existsSync(path))
  t.equal(await makeWay(path), true)
  t.notOk(existsSync(path))
})
