import type { Socket } from 'node:net'
import type { Route } from '../config/config.js'
import { AttemptLog } from '../exchange/attempt-log.js'
import { bareRecord } from '../exchange/record.js'
import { faultAnswer, type OwnAnswer } from '../exchange/respond.js'
import type { Services } from '../exchange/services.js'
import type { Authority } from '../http/authority.js'
import { decideRetry } from '../policy/retry.js'
import type { Outcome } from '../policy/types.js'
import { type Cancel, timeLeft } from '../time/clock.js'
import type { AttemptFault } from '../upstream/to-fault.js'
import { clientConnection } from './client-connection.js'
import { hearFirstBytes } from './first-bytes.js'
import { giveOwn } from './own-answer.js'
import { SocketAnswer } from './socket-lane.js'
import { passResets, splice } from './splice.js'

export const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** What CONNECT asked for. @property authority with its port @property via what it came through, us included */
export type ConnectTarget = Authority & { readonly authority: string; readonly via: readonly string[] }

/** Bytes written to the upstream, and to the client. */
type Traffic = { readonly in: number; readonly out: number }

export type TunnelHost = {
  /** The client was told that the tunnel stands, before it did: a failed dial can only close it. */
  readonly answered: boolean
  /** Some route has something to say about plain HTTP to this target. */
  readonly isRouted: () => boolean
  /** Takes the client socket back as plain HTTP; the first bytes are on it. */
  readonly serveHttp: () => void
}

/**
 * One CONNECT: dials first and answers 200 only when connected (FP-04). Then bytes pass untouched, unless the client
 * starts to speak plain HTTP, as undici and newer Node do (FP-05): that goes through the routes like any request.
 */
export class Tunnel {
  readonly #services: Services
  readonly #target: ConnectTarget
  readonly #route: Route
  readonly #client: Socket
  readonly #early: Buffer
  readonly #host: TunnelHost
  readonly #log: AttemptLog
  readonly #dueAt: number
  #retries = 0
  #cancel: Cancel | undefined

  constructor(
    services: Services,
    target: ConnectTarget,
    route: Route,
    client: Socket,
    early: Buffer,
    host: TunnelHost,
  ) {
    this.#services = services
    this.#target = target
    this.#route = route
    this.#client = client
    this.#early = early
    this.#host = host
    this.#log = new AttemptLog(services.clock)
    this.#dueAt = services.clock.monotonic() + route.timeout.total
  }

  open(): void {
    this.#client.once('close', this.#abandon).once('end', this.#abandon)
    // Nobody takes what the client sends yet, but only reading tells that it left.
    this.#client.read(0)
    this.#dial()
  }

  readonly #abandon = (): void => {
    this.#lookAway()
    this.#client.destroy()
    if (this.#cancel === undefined) return
    this.#cancel()
    this.#cancel = undefined
    this.#record('client-gone', 0, 0, 0)
  }

  #lookAway(): void {
    this.#client.removeListener('close', this.#abandon).removeListener('end', this.#abandon)
  }

  #dial(): void {
    this.#log.begin()
    this.#cancel = this.#services.upstreams.dialRaw(this.#target, this.#route.timeout.connect, result => {
      this.#cancel = undefined
      if ('socket' in result) this.#connected(result.socket)
      else this.#failed(result)
    })
  }

  /** Nothing was sent, so a dial may be repeated whatever the tunnel is for. */
  #failed(fault: AttemptFault): void {
    const { clock, random } = this.#services
    const outcome: Outcome & { kind: 'fault' } = { kind: 'fault', ...fault }
    this.#log.outcome(fault, 0)
    const attempt = {
      number: this.#log.count,
      retries: this.#retries,
      freeUsed: true,
      class: 'bare',
      repeatable: true,
    } as const
    const facts = {
      now: clock.now(),
      timeLeft: timeLeft(clock, this.#dueAt),
      budget: true,
      cooldown: new Set<number>(),
      random,
    }
    const decision = decideRetry(attempt, outcome, facts, this.#route.retry)
    this.#log.decided(decision.why)
    if (decision.act === 'return') {
      const own = faultAnswer(outcome, this.#services.newId(), this.#log.records)
      return this.#refuse(own, fault.fault)
    }
    this.#retries++
    this.#cancel = clock.schedule(decision.after, () => {
      this.#log.waited()
      this.#dial()
    })
  }

  #refuse(own: OwnAnswer, end: string): void {
    this.#lookAway()
    this.#record(end, own.status, 0, own.body.length)
    if (this.#host.answered) this.#client.destroy()
    else giveOwn(new SocketAnswer(this.#client, this.#early), own, 'CONNECT')
  }

  #connected(upstream: Socket): void {
    const client = this.#client
    this.#lookAway()
    this.#log.connected()
    this.#log.decided('final')
    if (client.destroyed) {
      upstream.destroy()
      return
    }
    if (!this.#host.answered) client.write(ESTABLISHED, 'latin1')
    // What a next hop was asked, and what the client was told before, is no byte of the tunnel.
    const before = { in: upstream.bytesWritten, out: client.bytesWritten }
    if (this.#early.length > 0) client.unshift(this.#early)
    clientConnection(client).awaitSpeech()
    if (this.#host.isRouted()) this.#sniff(upstream, before)
    else this.#passBytes(upstream, before)
  }

  /** Waits for whoever speaks first. */
  #sniff(upstream: Socket, before: Traffic): void {
    const client = this.#client
    const passNoMore = passResets(upstream, client)
    const settle = hearFirstBytes(client, this.#services.clock, undefined, (speech, last) => {
      upstream.removeListener('readable', settle).removeListener('close', settle)
      passNoMore()
      if (client.readableEnded) upstream.end(last)
      if (speech !== 'http' || client.readableEnded || client.destroyed) return this.#passBytes(upstream, before)
      this.#record(undefined, 200, 0, 0)
      this.#services.upstreams.get('http', this.#target.host, this.#target.port).adopt(upstream)
      this.#host.serveHttp()
    })
    upstream.on('readable', settle).on('close', settle)
  }

  #passBytes(upstream: Socket, before: Traffic): void {
    this.#services.running.tunnels++
    const onSpeech = () => clientConnection(this.#client).spoken()
    for (const side of [this.#client, upstream]) side.once('data', onSpeech)
    splice(this.#client, upstream, (bytesIn, bytesOut) => {
      this.#services.running.tunnels--
      this.#log.ended()
      this.#record(undefined, 200, bytesIn - before.in, bytesOut - before.out)
    })
  }

  #record(end: string | undefined, status: number, bytesIn: number, bytesOut: number): void {
    this.#services.record?.(
      bareRecord({
        id: this.#services.newId(),
        route: this.#route.name,
        mode: 'tunnel',
        method: 'CONNECT',
        scheme: 'http',
        host: this.#target.authority,
        path: '',
        status,
        end,
        attempts: this.#log.records,
        startedAt: this.#log.startedAt,
        endedAt: this.#services.clock.monotonic(),
        bytes_in: bytesIn,
        bytes_out: bytesOut,
      }),
    )
  }
}
