import { SecretError, secretReader } from '../config/secret.js'
import type { Clock } from '../time/clock.js'
import type { Millis } from '../time/units.js'
import { Client } from './client.js'
import type { Kit } from './kit.js'
import { Templates } from './operation.js'
import { type Profile, profileOf } from './profiles.js'

/** Who asks: the client of the kit, another one, or one that is nobody. */
export type Identity = 'first' | 'second' | 'nobody'

/** What all phases of a run share. */
export type World = {
  readonly kit: Kit
  readonly profile: Profile
  readonly client: Client
  readonly templates: Templates
  readonly clock: Clock
  /** The header by which somebody says who they are. */
  readonly identify: (who: Identity) => Readonly<Record<string, string>>
  /** What was made, for cleaning up. */
  readonly made: Set<string>
}

export type WorldOptions = {
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeout: Millis
  readonly proxy: string | undefined
}

/** Reads the secrets and opens the client. @throws SecretError */
export async function openWorld(kit: Kit, { clock, env, timeout, proxy }: WorldOptions): Promise<World> {
  const { credential, secondCredential } = kit
  const first = credential && (await secretReader(credential.secret, env)())
  const second = secondCredential && (await secretReader(secondCredential, env)())
  if (first !== undefined && first === second)
    throw new SecretError('credential and second_credential are the same secret; two clients are needed')
  const secrets = { first, second, nobody: nobody(first) }
  return {
    kit,
    profile: profileOf(kit.profile),
    client: new Client({ target: kit.target, proxy, timeout, clock }),
    templates: new Templates(kit),
    clock,
    identify: who => {
      const secret = secrets[who]
      if (credential === undefined || secret === undefined) return {}
      return { [credential.header]: `${credential.prefix}${secret}` }
    },
    made: new Set(),
  }
}

/** A secret of the same shape that belongs to nobody: long ones keep their first letters, as `sk_test_`. */
const nobody = (secret: string | undefined): string | undefined =>
  secret === undefined ? undefined : `${secret.length > 24 ? secret.slice(0, 8) : ''}not-a-credential`
