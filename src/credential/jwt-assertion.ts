import { createPrivateKey, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto'
import type { JwtSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { parseObject } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import { readSecret } from './oauth2-settings.js'
import { SourceError } from './source.js'

/** Seconds. Long enough for clocks that differ, and what every server takes. */
const LIFE = 300

/**
 * A signed assertion, good for five minutes and for one use (RFC 7523 §3). The key is read anew: it may be rotated.
 * @param audience unless the settings name one @throws SourceError, with nothing of the key in it
 */
export async function signAssertion(jwt: JwtSettings, audience: string, env: Env, clock: Clock): Promise<string> {
  const key = readKey(await readSecret(jwt.key, env))
  const { SignJWT } = await import('jose')
  const now = Math.floor(clock.now() / 1_000)
  const claims = { ...jwt.claims, iss: jwt.iss, ...(jwt.sub === undefined ? {} : { sub: jwt.sub }) }
  const unsigned = new SignJWT({ ...claims, aud: jwt.aud ?? audience, iat: now, exp: now + LIFE, jti: randomUUID() })
  unsigned.setProtectedHeader({ alg: jwt.alg, typ: 'JWT', ...(jwt.kid === undefined ? {} : { kid: jwt.kid }) })
  try {
    return await unsigned.sign(key)
  } catch {
    const needed = jwt.alg === 'RS256' ? 'an RSA key of 2048 bits or more' : 'an EC key on P-256'
    throw new SourceError(`the key of the assertion does not fit ${jwt.alg}: that is ${needed}`, true)
  }
}

function readKey(text: string): KeyObject {
  const jwk = parseObject(text)
  try {
    return jwk === undefined ? createPrivateKey(text) : createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    throw new SourceError('the key of the assertion is no private key: a PEM text without a password, or a JWK', true)
  }
}
