import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LogOutput } from '../../../src/log/log-output.js'

function opened(dir: string) {
  const path = join(dir, 'log')
  return { path, output: new LogOutput(openSync(path, 'a')) }
}

t.test('every line arrives whole and in order, in any script', async t => {
  const { path, output } = opened(t.testdir())
  const lines = Array.from({ length: 20_000 }, (_, i) => `{"n":${i},"text":"zażółć ${'x'.repeat(i % 50)}"}\n`)
  for (const line of lines) output.write(line)
  await output.close()
  t.equal(readFileSync(path, 'utf8'), lines.join(''))
  t.equal(output.dropped, 0)
})

t.test('a line longer than a block arrives whole', async t => {
  const { path, output } = opened(t.testdir())
  output.write('a\n')
  output.write(`${'b'.repeat(200_000)}\n`)
  await output.close()
  t.equal(readFileSync(path, 'latin1').length, 200_003)
})

t.test('a line that somebody waits for is written at once', t => {
  const { path, output } = opened(t.testdir())
  output.write('ready\n')
  output.flushSync()
  t.equal(readFileSync(path, 'latin1'), 'ready\n')
  return output.close()
})

t.test('lines that outrun the reader are dropped and counted', async t => {
  const { output } = opened(t.testdir())
  const line = `${'x'.repeat(65_000)}\n`
  for (let i = 0; i < 200; i++) output.write(line)
  t.ok(output.dropped > 0 && output.dropped < 100, `${output.dropped} dropped`)
  await output.close()
})

t.test('a descriptor that cannot be written ends nothing', async t => {
  const output = new LogOutput(openSync('/dev/null', 'r'))
  output.write('lost\n')
  await output.close()
  t.pass('closed')
})
