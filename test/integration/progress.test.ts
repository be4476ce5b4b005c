import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { makeHome, mulligan, mulliganCommand } from '../support/mulligan.js'

/** util-linux's `script` runs a program on a terminal of its own. */
const skip = spawnSync('script', ['--version']).status === 0 ? false : 'script(1) is not installed'
const CLEAR = '\r\x1b[2K'
const CHECK = ['conformance', 'idempotency', '--self', '--phase', 'replay_equal,fresh_key']

function onTerminal(t: Test, words: readonly string[]) {
  const { env } = makeHome(t, '')
  const quoted = mulliganCommand(...words).map(word => `'${word.replaceAll("'", "'\\''")}'`)
  const child = spawn('script', ['-qefc', quoted.join(' '), '/dev/null'], {
    env: { ...env, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  return child
}

/** What is still to be seen, when the lines that were erased are gone. */
const left = (screen: string): string =>
  screen.replaceAll(/\r\x1b\[2K[^\n\x1b]*(?:\x1b\[\d+m[^\n\x1b]*)*(?=\r\x1b\[2K)/g, '')

t.test('on a terminal conformance shows its phases in one line, and none of it stays', { skip }, async t => {
  const child = onTerminal(t, CHECK)
  child.stdin.end()
  const screen = await text(child.stdout)
  t.match(screen, /phase 1 of 2: \w+/)
  t.match(screen, /phase 2 of 2: \w+/)
  t.match(screen, /2 passed/)
  t.notMatch(left(screen), /phase \d of/)
})

t.test('Ctrl-C takes the line of progress away and ends the command', { skip }, async t => {
  const child = onTerminal(t, ['bench', '--seconds', '60'])
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    const wasShown = screen.includes('warm-up')
    screen += piece
    if (!wasShown && screen.includes('warm-up')) child.stdin.write('\x03')
  })
  const [code] = await new Promise<[number | null]>(resolve => child.once('close', code => resolve([code])))
  t.equal(code, 130)
  t.ok(screen.endsWith(CLEAR), 'nothing comes after the line was erased')
})

t.test('in a pipe there is no progress', async t => {
  const { env } = makeHome(t, '')
  const piped = await mulligan(CHECK, env)
  t.equal(piped.code, 0, piped.stderr)
  t.equal(piped.stderr, '')
  t.notMatch(piped.stdout, '\x1b')
})
