import t, { type Test } from 'tap'
import type { CommandInput } from '../../../src/cli/command.js'
import { progressOf } from '../../../src/cli/progress.js'
import { ManualClock } from '../../support/clock.js'

const CLEAR = '\r\x1b[2K'

type Terminal = { readonly isTTY?: boolean; readonly columns?: number }

function scene(t: Test, terminal: Terminal, env: Record<string, string> = {}, values: CommandInput['values'] = {}) {
  const written: string[] = []
  const stderr = { write: (text: string) => written.push(text), ...terminal }
  const clock = new ManualClock()
  const io = { stdout: { write: () => undefined }, stderr, env: { NO_COLOR: '1', ...env }, cwd: '/' }
  const progress = progressOf({ values, positionals: [], io }, clock)
  t.teardown(progress.done)
  return { progress, clock, written, last: () => written.at(-1) }
}

t.test('a terminal shows one line: what, how far, since when, and how long yet where that is known', t => {
  const { progress, clock, last } = scene(t, { isTTY: true })
  progress.say('starting')
  t.equal(last(), `${CLEAR}… starting`)
  progress.say('round 1 of 3', 0)
  t.equal(last(), `${CLEAR}… round 1 of 3  0%`)
  clock.advance(1_000)
  t.equal(last(), `${CLEAR}… round 1 of 3  0%, 1s`)
  clock.advance(9_000)
  progress.say('round 2 of 3', 0.25)
  t.equal(last(), `${CLEAR}… round 2 of 3  25%, 10s, about 30s left`)
  progress.say('cleaning up')
  t.equal(last(), `${CLEAR}… cleaning up  10s`)
  t.end()
})

t.test('the line is shorter than the terminal is wide, so that it never wraps', t => {
  for (const columns of [10, 20, 40, 80]) {
    const { progress, clock, last } = scene(t, { isTTY: true, columns })
    progress.say('a long name of what is being done here and now, longer than most', 0.5)
    clock.advance(100_000)
    t.ok((last() ?? '').length - CLEAR.length < columns, `${columns} columns`)
  }
  t.end()
})

t.test('when it is done the line is gone, nothing comes any more, and no timer is left', t => {
  const { progress, clock, written, last } = scene(t, { isTTY: true })
  progress.say('starting')
  progress.done()
  t.equal(last(), CLEAR)
  const count = written.length
  progress.say('a late word')
  progress.done()
  clock.advance(5_000)
  t.equal(written.length, count)
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a pipe, a dumb terminal and programs that want JSON see no progress at all', t => {
  const cases: [string, Terminal, Record<string, string>, CommandInput['values']][] = [
    ['a pipe', {}, {}, {}],
    ['TERM=dumb', { isTTY: true }, { TERM: 'dumb' }, {}],
    ['--json', { isTTY: true }, {}, { json: true }],
    ['--format junit', { isTTY: true }, {}, { format: 'junit' }],
  ]
  for (const [name, terminal, env, values] of cases) {
    const { progress, clock, written } = scene(t, terminal, env, values)
    progress.say('starting', 0.5)
    clock.advance(5_000)
    progress.done()
    t.strictSame(written, [], name)
  }
  t.end()
})

t.test('NO_COLOR takes the colours and leaves the line', t => {
  const coloured = scene(t, { isTTY: true }, { NO_COLOR: '' })
  coloured.progress.say('starting')
  t.match(coloured.last(), '\x1b[36m')
  const plain = scene(t, { isTTY: true })
  plain.progress.say('starting')
  t.notMatch(plain.last()?.replace(CLEAR, ''), '\x1b')
  t.end()
})

t.test('Ctrl-C takes the line away, and what else waits for the signal still gets it', t => {
  const { progress, last } = scene(t, { isTTY: true })
  const seen: string[] = []
  const other = () => seen.push('other')
  process.on('SIGINT', other)
  progress.say('starting')
  process.emit('SIGINT')
  t.equal(last(), CLEAR)
  t.strictSame(seen, ['other'])
  process.removeListener('SIGINT', other)
  t.end()
})
