import { randomBytes, randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Clock } from '../time/clock.js'
import { type Millis, millis, seconds } from '../time/units.js'

/** Undoes the lock; never rejects. */
export type Unlock = () => Promise<void>

/** Whoever holds a lock for longer has died or hangs: the next one takes it. What is done under it must end before. */
export const LOCK_LASTS = seconds(30)
const POLL = millis(25)
/** A process that dies between making the file and writing its name into it leaves it empty. */
const NAMELESS_LASTS = seconds(1)

/** This process: a number is given again, after a restart of a container even at once. */
const SELF = randomUUID()

type Owner = { readonly pid: number; readonly host: string; readonly process: string }

/** What a lock file says. `age` by the wall clock; `since`, monotonic, it says this while it is waited for. */
type Seen = { readonly text: string; readonly age: number; readonly since: number }

/**
 * Waits until this is the only one, over all processes and all callers, that holds the lock file (TR-21).
 * @returns undefined when it was not free for `patience` @throws when the file can be neither made nor read
 */
export async function takeLock(path: string, clock: Clock, patience: Millis): Promise<Unlock | undefined> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), process: SELF, lock: randomUUID() })
  const until = clock.monotonic() + patience
  let seen: Seen | undefined
  for (;;) {
    if (await make(path, mine)) return () => release(path, mine)
    seen = await look(path, clock, seen)
    if (seen !== undefined && isAbandoned(seen, clock) && (await takeAway(path, seen.text))) continue
    if (clock.monotonic() >= until) return undefined
    await new Promise<void>(resolve => clock.schedule(POLL, resolve))
  }
}

async function make(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** The lock of another; undefined when there is none any more. */
async function look(path: string, clock: Clock, before: Seen | undefined): Promise<Seen | undefined> {
  try {
    const { mtimeMs } = await stat(path)
    const text = await readFile(path, 'utf8')
    // A clock that was set back makes an age of any size.
    const age = Math.abs(clock.now() - mtimeMs)
    return { text, age, since: before?.text === text ? before.since : clock.monotonic() }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function isAbandoned({ text, age, since }: Seen, clock: Clock): boolean {
  const owner = parseOwner(text)
  if (owner === undefined) return age > NAMELESS_LASTS
  // In another container, or on another machine, the number means another process.
  if (owner.host !== hostname()) return age > LOCK_LASTS
  if (owner.pid === process.pid ? owner.process !== SELF : !isAlive(owner.pid)) return true
  // It lives: a clock that was set says nothing against it, and two that renew at once may lose the session.
  return clock.monotonic() - since > LOCK_LASTS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and another user's.
    return codeOf(error) !== 'ESRCH'
  }
}

/** Unless another one took it over. */
async function release(path: string, mine: string): Promise<void> {
  try {
    if ((await readFile(path, 'utf8')) === mine) await rm(path, { force: true })
  } catch {
    // Gone already, or left until its time is over.
  }
}

/**
 * Several may want to do this at once: one that comes late must not take away the lock that was made meanwhile.
 * @returns false when the system does not let it go
 */
async function takeAway(path: string, abandoned: string): Promise<boolean> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await rename(path, aside)
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
  try {
    const text = await readFile(aside, 'utf8')
    if (text !== abandoned) await make(path, text)
    await rm(aside, { force: true })
  } catch {
    // Another one was faster.
  }
  return true
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, host, process: id } = JSON.parse(text) as Record<string, unknown>
    const known = typeof pid === 'number' && pid > 0 && typeof host === 'string' && typeof id === 'string'
    return known ? { pid, host, process: id } : undefined
  } catch {
    return undefined
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
