import { z } from 'zod'
import type { SecretRef, StoreSettings } from './config.js'
import { key, kinds, text } from './scalars.js'
import { secret } from './secrets-schema.js'
import { parseStoreUrl, type StoreUrl } from './store-url.js'
import { isWrong, wrong } from './wrong.js'

const URL_FORM = 'a URL such as rediss://redis.example:6379/0'

const storeBlock = z
  .strictObject({
    url: key(
      'The Redis: `redis://host:port/db`, `rediss://` for TLS; `?prefix=` is what its keys begin with (`mulligan:`).',
      text({ expects: URL_FORM, type: 'redis URL' }, value => {
        const url = parseStoreUrl(value)
        const twice = !isWrong(url) && (url.username !== undefined || url.password !== undefined)
        return twice ? wrong('the user name and password are keys of their own here: username, password') : url
      }),
    ),
    username: key('User name it asks for.', secret()).optional(),
    password: key('Password it asks for.', secret()).optional(),
  })
  .transform(({ url, username, password }) => settingsOf(url, username, password))

const storeWord = text({ expects: 'embedded, memory or a redis URL', type: 'embedded | memory | redis URL' }, value => {
  if (value === 'embedded' || value === 'memory') return { kind: value } satisfies StoreSettings
  const url = parseStoreUrl(value)
  return isWrong(url) ? url : settingsOf(url, literal(url.username), literal(url.password))
})

const literal = (value: string | undefined): SecretRef | undefined =>
  value === undefined ? undefined : { literal: value }

function settingsOf(url: StoreUrl, username: SecretRef | undefined, password: SecretRef | undefined): StoreSettings {
  const { tls, host, port, db, prefix } = url
  return { kind: 'redis', tls, host, port, db, prefix, username, password }
}

/** Where state lives. */
export const store = z
  .union([storeBlock, storeWord])
  .transform(value => value as StoreSettings)
  .register(kinds, {
    expects: `embedded, memory, ${URL_FORM}, or a block with url, username and password`,
    type: 'embedded | memory | redis URL | block',
  })
