import { createSecureContext } from 'node:tls'
import type { Test } from 'tap'
import { type Clock, systemClock } from '../../src/time/clock.js'
import { type Millis, millis } from '../../src/time/units.js'
import { STRAIGHT } from '../../src/upstream/egress-proxy.js'
import type { Line, LineNeed, LineUser, OutgoingHead } from '../../src/upstream/line.js'
import type { AttemptFault } from '../../src/upstream/to-fault.js'
import { type Upstream, Upstreams } from '../../src/upstream/upstream.js'
import { certificate } from './next-hop.js'

/** One upstream by itself, that trusts the certificate of tests. */
export function lonelyUpstream(t: Test, port: number, clock: Clock = systemClock): Upstream {
  const context = createSecureContext({ ca: certificate.cert })
  const upstreams = new Upstreams({
    clock,
    guard: () => undefined,
    loopGuard: () => undefined,
    egress: () => STRAIGHT,
    via: '1.1 test',
    secureContext: () => context,
    h2: () => true,
    limits: { headBytes: 65_536, interimMax: 8 },
  })
  t.teardown(() => upstreams.close())
  return upstreams.get('https', 'localhost', port)
}

export const ANY: LineNeed = { fresh: false, trusted: false, upgrade: undefined }

export const GET: OutgoingHead = {
  method: 'GET',
  path: '/',
  authority: 'localhost',
  fields: [],
  framing: { kind: 'none' },
  extra: [],
  upgrade: undefined,
}

/** A new line, or why there is none. */
export const dialled = (
  upstream: Upstream,
  need = ANY,
  timeout: Millis = millis(5_000),
): Promise<Line | AttemptFault> => new Promise(resolve => upstream.connect(need, timeout, resolve))

/** What came of one attempt, and when. */
export type Heard = LineUser & {
  readonly events: readonly string[]
  readonly body: () => Buffer
  /** Resolves when an event begins like this. */
  readonly until: (beginning: string) => Promise<string>
}

/** A user that only listens. @param onHead does more */
export function listener(onHead: () => void = () => undefined): Heard {
  const events: string[] = []
  const chunks: Buffer[] = []
  const wake: (() => void)[] = []
  const say = (event: string) => {
    events.push(event)
    for (const resume of wake.splice(0)) resume()
  }
  return {
    events,
    body: () => Buffer.concat(chunks),
    until: async beginning => {
      for (;;) {
        const found = events.find(event => event.startsWith(beginning))
        if (found !== undefined) return found
        await new Promise<void>(resolve => wake.push(resolve))
      }
    },
    onInterim: ({ status }) => say(`interim ${status}`),
    onHead: ({ status }) => {
      say(`head ${status}`)
      onHead()
    },
    onData: chunk => {
      chunks.push(Buffer.from(chunk))
      say(`data ${chunk.length}`)
    },
    onEnd: trailers => say(['end', ...trailers].join(' ')),
    onUpgrade: () => say('upgrade'),
    onReadEnd: () => say('read end'),
    onDrain: () => say('drain'),
    onFault: ({ fault, phase, details }) => say(`fault ${phase} ${fault} ${details}`),
  }
}

/** Begins an attempt on a line that must be one. */
export function begin(line: Line | AttemptFault, user: LineUser, head: OutgoingHead = GET): Line {
  if ('fault' in line) throw new Error(`no line: ${line.fault}`)
  line.begin(user, head, false)
  return line
}
