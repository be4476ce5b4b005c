import type { Credential } from '../credential/credentials.js'
import type { Token, Unavailable } from '../credential/token.js'
import { mayCarry } from '../http/cleartext.js'
import type { Fields } from '../http/fields.js'
import { inject, wantsToken } from '../http/injection.js'
import { decideRenewal } from '../policy/credential.js'
import type { Why } from '../policy/types.js'
import type { Cancel } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import type { Remedy } from './interlude.js'
import type { RequestHead } from './lane.js'
import type { Plan } from './plan.js'
import type { Services } from './services.js'

/** `undefined` for a route without a credential, and where the token may not travel (T5): then the request goes as it is. */
export function authorizationFor(
  { credential }: Pick<Services, 'credential'>,
  { route, scheme, host, path }: Plan,
  { fields }: RequestHead,
  upstream: { readonly isDirect: boolean },
): Authorization | undefined {
  if (route.credential === undefined) return undefined
  const found = credential(route.credential)
  if (found === undefined || !mayCarry({ scheme, host, direct: upstream.isDirect }, found.allowCleartext))
    return undefined
  return new Authorization(found, fields, path)
}

/** What goes out in place of the client's own fields and path. */
export type Authorized = { readonly fields: Fields; readonly path: string }

/** One exchange's use of its route's credential: a token for each attempt, and one forced renewal at most (T2, L1). */
export class Authorization {
  readonly #credential: Credential
  readonly #fields: Fields
  readonly #path: string
  /** What the attempt under way carries. */
  #sent: Token | undefined
  #renewed = false
  #cancel: Cancel | undefined

  /** @param fields the client's own @param path at the upstream */
  constructor(credential: Credential, fields: Fields, path: string) {
    this.#credential = credential
    this.#fields = fields
    this.#path = path
  }

  /** Tells credentials apart at a cooldown gate (R8). */
  get print(): string {
    return `credential ${this.#credential.name}`
  }

  /** The request goes out under our credential, and not one that the client brought. */
  get ours(): boolean {
    return wantsToken(this.#credential.injection, this.#fields, this.#path)
  }

  /** The next attempt as it may go out now; `undefined` while there is no token. A string: why the token cannot be sent. */
  prepare(): Authorized | string | undefined {
    const { injection, cache } = this.#credential
    const own = { fields: this.#fields, path: this.#path }
    this.#sent = undefined
    if (!this.ours) return own
    const token = cache.current()
    if (token === undefined) return undefined
    const injected = inject(injection, token.value, this.#fields, this.#path) ?? own
    if ('refuse' in injected) return injected.refuse
    this.#sent = token
    return injected
  }

  /** Waits for a token, when `prepare` had none. @param dueAt monotonic @param done told why there is none */
  await(dueAt: number, done: (unavailable: Unavailable | undefined) => void): void {
    this.#cancel = this.#credential.cache.acquire(dueAt, result => {
      this.#cancel = undefined
      done('value' in result ? undefined : result)
    })
  }

  /**
   * What makes another attempt possible after a 401, or why nothing does, or should: then the answer is the client's.
   * `undefined` unless it is a 401. @param repeatable the body can be given again
   */
  remedy(
    answer: { readonly status: number; readonly fields: Fields },
    repeatable: boolean,
    { timeLeft, total }: { readonly timeLeft: Millis; readonly total: number },
  ): Remedy | Why | undefined {
    const { injection, on_401 } = this.#credential
    const carrier = this.#sent === undefined ? undefined : injection.carrier.kind
    const renewal = decideRenewal(answer, { carrier, renewed: this.#renewed, repeatable, timeLeft }, on_401)
    if (renewal?.act === 'return-and-renew') this.renew(total, () => undefined)
    return renewal?.act === 'renew' ? new TokenRenewal(this, total) : renewal?.why
  }

  /** Has the refused token renewed. @param done told whether there is another one now */
  renew(dueAt: number, done: (renewed: boolean) => void): void {
    if (this.#sent === undefined) return
    this.#renewed = true
    this.#cancel = this.#credential.cache.renew(this.#sent, dueAt, token => {
      this.#cancel = undefined
      done(token !== undefined)
    })
  }

  /** Nobody waits any more; a call to the source goes on for others (TR-03). */
  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

class TokenRenewal implements Remedy {
  readonly why = 'token-renewed'
  readonly failedFor = 'token-not-renewed'
  state: Remedy['state'] = 'running'
  readonly #authorization: Authorization
  readonly #dueAt: number

  constructor(authorization: Authorization, dueAt: number) {
    this.#authorization = authorization
    this.#dueAt = dueAt
  }

  start(done: () => void): void {
    this.#authorization.renew(this.#dueAt, renewed => {
      this.state = renewed ? 'done' : 'failed'
      done()
    })
  }

  cancel(): void {
    this.#authorization.cancel()
  }
}
