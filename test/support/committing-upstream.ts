import type { Socket } from 'node:net'
import { seeded } from './random.js'
import type { Script, Seen } from './upstream.js'

export type Losses = {
  readonly seed: number
  /** Parts of the attempts that lose their answer: by a reset or close before its head, within its body, or by silence. */
  readonly resets: number
  readonly breaks?: number
  readonly hangs?: number
  /** Of one operation, at most. */
  readonly most?: number
  /** Does what a key asks for once. */
  readonly dedups: boolean
}

/** What became of one operation, which is a path. */
export type Operation = {
  attempts: number
  /** How often it was done. */
  effects: number
  /** Of its attempts, how many lost their answer, and how the last of them did. */
  losses: number
  lost: 'reset' | 'break' | 'hang' | undefined
  /** Items of the batches that were done. */
  items: number
  readonly keys: Set<string>
}

export type Committing = { readonly script: Script; readonly operations: Map<string, Operation> }

/** Does what is asked first, and then loses some of the answers; the same ones for the same seed and order. */
export function committing({ seed, resets, breaks = 0, hangs = 0, most = 3, dedups }: Losses): Committing {
  const random = seeded(seed)
  const operations = new Map<string, Operation>()
  const done = new Set<string>()
  const script: Script = (seen, socket) => {
    const operation = operationAt(operations, seen.path)
    operation.attempts++
    const key = seen.header('idempotency-key')
    if (key !== undefined) operation.keys.add(key)
    if (!dedups || key === undefined || !done.has(key)) commit(operation, seen)
    if (key !== undefined) done.add(key)
    const dice = random()
    const body = `{"created":"${seen.path}"}`
    const whole = `HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    if (operation.losses >= most || dice >= resets + breaks + hangs) return whole
    operation.losses++
    if (dice < resets) return lose(operation, 'reset', () => close(socket, dice < resets / 2))
    if (dice >= resets + breaks) return lose(operation, 'hang', () => undefined)
    return lose(operation, 'break', () => socket.write(whole.slice(0, -5), () => socket.destroy()))
  }
  return { script, operations }
}

function operationAt(operations: Map<string, Operation>, path: string): Operation {
  const known = operations.get(path)
  if (known !== undefined) return known
  const fresh: Operation = { attempts: 0, effects: 0, losses: 0, lost: undefined, items: 0, keys: new Set() }
  operations.set(path, fresh)
  return fresh
}

function commit(operation: Operation, { body }: Seen): void {
  operation.effects++
  const json: unknown = JSON.parse(body.toString())
  operation.items += Array.isArray(json) ? json.length : 1
}

function lose(operation: Operation, how: Operation['lost'], act: () => void): undefined {
  operation.lost = how
  act()
}

function close(socket: Socket, reset: boolean): void {
  if (reset) socket.resetAndDestroy()
  else socket.destroy()
}
