import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SecretError, secretReader } from '../../../src/config/secret.js'

t.test('a literal and a variable are given as they are', async t => {
  t.equal(await secretReader({ literal: 'a\n' }, {})(), 'a\n')
  t.equal(await secretReader({ env: 'X' }, { X: 's' })(), 's')
})

t.test('a variable that is not set or empty is an error that names it', async t => {
  await t.rejects(async () => secretReader({ env: 'X' }, {})(), {
    name: 'SecretError',
    message: 'environment variable X is not set',
  })
  await t.rejects(async () => secretReader({ env: 'X' }, { X: '' })(), { message: 'environment variable X is empty' })
})

t.test('a file is read again when it changed, and loses one newline', async t => {
  const file = join(t.testdir({ pw: 'one\n\n', other: 'two\r\n' }), 'pw')
  const read = secretReader({ file }, {})
  t.equal(await read(), 'one\n')
  t.equal(await read(), 'one\n', 'unchanged')
  renameSync(file.replace(/pw$/, 'other'), file)
  t.equal(await read(), 'two', 'a new inode is a change')
  writeFileSync(file, 'x'.repeat(70_000))
  await t.rejects(read(), { message: `${file} is longer than 64 KiB` })
  writeFileSync(file, '\n')
  await t.rejects(read(), { message: `${file} gave an empty secret` })
  await t.rejects(secretReader({ file: `${file}-none` }, {})(), { message: `cannot read ${file}-none: ENOENT` })
})

t.test('a program is run without a shell, once, and its failure is not kept', async t => {
  const count = join(t.testdir({ n: '' }), 'n')
  const script = `require('fs').appendFileSync(process.argv[1], 'x'); console.log('a b; $HOME')`
  const read = secretReader({ exec: [process.execPath, '-e', script, count] }, {})
  t.same(await Promise.all([read(), read()]), ['a b; $HOME', 'a b; $HOME'])
  const code = `const n = require('fs').readFileSync(process.argv[1], 'utf8'); require('fs').writeFileSync(process.argv[1], 'yy'); n === 'yy' ? console.log('ok') : process.exit(3)`
  const shaky = secretReader({ exec: [process.execPath, '-e', code, count] }, {})
  await t.rejects(shaky(), { message: `${process.execPath} failed: exit code 3` })
  t.equal(await shaky(), 'ok')
})

t.test('what a program printed is in no error', async t => {
  const rows = [
    `console.log('hunter2'); console.error('hunter2'); process.exit(1)`,
    `console.log('hunter2'.repeat(20000))`,
    `console.log('')`,
  ]
  for (const script of rows) {
    const error: unknown = await secretReader({ exec: [process.execPath, '-e', script] }, {})().catch((e: unknown) => e)
    t.ok(error instanceof SecretError)
    t.notMatch(String((error as Error).stack), /hunter2.*failed|failed.*hunter2/)
    t.equal((error as Error).cause, undefined)
  }
  await t.rejects(secretReader({ exec: ['/does/not/exist'] }, {})(), { message: '/does/not/exist failed: ENOENT' })
})
