import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { shortDir } from './short-dir.js'

/** @property now by the clock of who wrote it @property isTrusted it is opened without a look through it first */
export type Image = {
  readonly folder: string
  readonly file: string
  readonly now: number
  readonly isTrusted: boolean
}

/** Key and print of every entry, or why there is none. */
export type Finding = { readonly found: readonly (readonly [string, string])[] } | { readonly trouble: string }

export type Court = {
  /** What the store makes of a file. */
  readonly judge: (image: Buffer, now: number, isTrusted: boolean) => Promise<Finding>
}

const JUDGE = fileURLToPath(new URL('crash-judge.js', import.meta.url))

/** A process that opens images of a store's file, one after the other; another one when it was killed by it. */
export function openCourt(t: Test): Court {
  const home = shortDir(t)
  let count = 0
  let seat: ReturnType<typeof sit> | undefined
  return {
    async judge(image, now, isTrusted) {
      const folder = join(home, String(++count))
      const file = join(home, 'image')
      mkdirSync(folder, { mode: 0o700 })
      writeFileSync(file, image, { mode: 0o600 })
      seat ??= sit(t)
      const finding = await seat.ask({ folder, file, now, isTrusted })
      if (finding === undefined) seat = undefined
      rmSync(folder, { recursive: true, force: true })
      return finding ?? { trouble: 'it killed the process' }
    },
  }
}

function sit(t: Test) {
  const { NODE_OPTIONS: _ofTap, ...env } = process.env
  const child = spawn(process.execPath, [JUDGE], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  // One that is killed while it is asked.
  child.stdin.on('error', () => undefined)
  const gone = once(child, 'close')
  t.teardown(() => {
    child.kill('SIGKILL')
    return gone
  })
  let answer = (_finding: Finding | undefined) => {}
  createInterface({ input: child.stdout }).on('line', line => answer(JSON.parse(line) as Finding))
  void gone.then(() => answer(undefined))
  return {
    ask: (image: Image): Promise<Finding | undefined> =>
      new Promise(resolve => {
        answer = resolve
        child.stdin.write(`${JSON.stringify(image)}\n`)
      }),
  }
}
