import { type Clock, systemClock } from '../time/clock.js'
import { seconds } from '../time/units.js'
import type { CommandInput, Output } from './command.js'
import { createPaint } from './paint.js'
import { describeSpan } from './span.js'

/** One line on a terminal that says what is going on. */
type Progress = {
  /** @param share of all that is done, 0 to 1, where the rest takes as long: it tells when the end is near */
  readonly say: (text: string, share?: number) => void
  /** Nothing of it is left to see, and nothing more comes. */
  readonly done: () => void
}

const SILENT: Progress = { say: () => undefined, done: () => undefined }

/** "Erase the line" and back to its start: whatever stood there is gone. */
const CLEAR = '\r\x1b[2K'
/** How often the time in it moves on. */
const TICK = seconds(1)
/** Before this much has passed, it says nothing about the rest, in seconds. */
const SOONEST_GUESS = 2

/**
 * Progress on stderr: for a person who watches, so neither where the output goes elsewhere nor with `--json`. Ctrl-C
 * takes the line away as well.
 */
export function progressOf({ io, values }: CommandInput, clock: Clock = systemClock): Progress {
  const { stderr, env } = io
  const forPrograms = values['json'] === true || ['json', 'junit'].includes(String(values['format']))
  if (stderr.isTTY !== true || env['TERM'] === 'dumb' || forPrograms) return SILENT
  const line = new ProgressLine(stderr, createPaint(stderr, env), clock)
  const interrupted = (signal: NodeJS.Signals) => {
    end()
    // Without another to care about it, the signal does what it does without us.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  const end = () => {
    process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted)
    line.end()
  }
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
  return { say: (text, share) => line.say(text, share), done: end }
}

class ProgressLine {
  readonly #output: Output
  readonly #paint: ReturnType<typeof createPaint>
  readonly #clock: Clock
  readonly #startedAt: number
  #text = ''
  #share: number | undefined
  #cancel: (() => void) | undefined
  #isOver = false

  constructor(output: Output, paint: ReturnType<typeof createPaint>, clock: Clock) {
    this.#output = output
    this.#paint = paint
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  say(text: string, share: number | undefined): void {
    if (this.#isOver) return
    this.#text = text
    this.#share = share
    this.#draw()
  }

  end(): void {
    this.#cancel?.()
    if (!this.#isOver) this.#output.write(CLEAR)
    this.#isOver = true
  }

  readonly #draw = (): void => {
    this.#cancel?.()
    this.#cancel = this.#clock.schedule(TICK, this.#draw)
    const spent = (this.#clock.monotonic() - this.#startedAt) / 1_000
    const times = timesOf(spent, this.#share)
    // One column stays free: a full line would wrap on some terminals, and could not be erased.
    const room = (this.#output.columns || 80) - 3
    const text = this.#text.slice(0, Math.max(0, room - times.length - 2))
    const line = `${text}${times === '' || room < times.length + 2 ? '' : `  ${this.#paint('dim', times)}`}`
    this.#output.write(`${CLEAR}${this.#paint('cyan', '…')} ${line}`)
  }
}

/** `45%, 12s, about 15s left`, as far as it is known. @param spent seconds */
function timesOf(spent: number, share: number | undefined): string {
  const parts: string[] = []
  if (share !== undefined) parts.push(`${Math.floor(share * 100)}%`)
  if (spent >= 1) parts.push(describeSpan(spent))
  if (share !== undefined && share > 0 && spent >= SOONEST_GUESS) {
    parts.push(`about ${describeSpan(spent / share - spent)} left`)
  }
  return parts.join(', ')
}
