import { generateKeyPairSync } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../time/clock.js'
import { BACKDATED, type LocalCa } from './local-ca.js'

type Kept = {
  readonly context: SecureContext
  /** Unix milliseconds between which it is handed out. */
  readonly from: number
  readonly until: number
}

const DAY = 86_400_000
/** In all, backdating included (F4); the last second counts too (RFC 5280 §4.1.2.5). */
const LEAF_LIFE = 30 * DAY - 1_000
/** What a context must have left when it is handed out: connections live long. */
const LEFT = DAY

/**
 * TLS contexts for intercepted hosts: made once per name however many ask at once, kept (the `max` last used), and made
 * anew when less than a day is left (FP-23, F4). All share one key, which dies with the process.
 */
export class LeafContexts {
  readonly #ca: LocalCa
  readonly #clock: Clock
  readonly #max: number
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>()
  readonly #pending = new Map<string, Promise<SecureContext>>()
  #mint: Promise<(host: string) => Kept> | undefined

  constructor(ca: LocalCa, clock: Clock, max = 1_000) {
    this.#ca = ca
    this.#clock = clock
    this.#max = max
  }

  /** Contexts at hand. */
  get size(): number {
    return this.#kept.size
  }

  /** @param host a DNS name in lower case, or an IP address without brackets; at once when it is at hand */
  get(host: string): SecureContext | Promise<SecureContext> {
    const kept = this.#kept.get(host)
    if (kept !== undefined && this.#isFresh(kept)) {
      this.#kept.delete(host)
      this.#kept.set(host, kept)
      return kept.context
    }
    const pending = this.#pending.get(host)
    if (pending !== undefined) return pending
    const made = this.#make(host).finally(() => this.#pending.delete(host))
    this.#pending.set(host, made)
    return made
  }

  /** The clock may have been set back, too. */
  #isFresh({ from, until }: Kept): boolean {
    const now = this.#clock.now()
    return from <= now && now < until
  }

  async #make(host: string): Promise<SecureContext> {
    this.#mint ??= createMint(this.#ca, this.#clock).catch(error => {
      this.#mint = undefined
      throw error
    })
    const kept = (await this.#mint)(host)
    this.#kept.delete(host)
    this.#kept.set(host, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > this.#max && oldest !== undefined) this.#kept.delete(oldest)
    return kept.context
  }
}

async function createMint(ca: LocalCa, clock: Clock): Promise<(host: string) => Kept> {
  const { leafIssuer } = await import('./issue.js')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const issue = leafIssuer(ca.pem, ca.key, publicKey)
  return host => {
    const notBefore = clock.now() - BACKDATED
    const notAfter = notBefore + LEAF_LIFE
    // The leaf alone: who trusts its issuer has that certificate, and perhaps an earlier one of the same key. No roots,
    // for OpenSSL would look among them for more to send, and no client is asked for a certificate.
    const context = createSecureContext({
      cert: issue(host, { notBefore, notAfter }),
      key,
      ca: [],
      minVersion: 'TLSv1.2',
    })
    return { context, from: notBefore, until: notAfter - LEFT }
  }
}
