import type { OAuth2Settings, SourceSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import type { Cancel, Clock, Random } from '../time/clock.js'
import { envSource } from './env-source.js'
import { execSource } from './exec-source.js'
import { fileSource } from './file-source.js'
import { metadataSource } from './metadata-source.js'
import { shownUrl } from './oauth2-settings.js'
import type { Source } from './source.js'

/** What a source needs besides its settings. */
export type SourceWorld = {
  readonly env: Env
  readonly clock: Clock
  readonly random: Random
  /** Directory in which sessions are kept. */
  readonly state: string
  /** PEM file of further roots to trust token endpoints by. */
  readonly caFile: string | undefined
  /** What an operator must know although there is a token. */
  readonly warn: (what: string) => void
}

/** The source that the settings describe; nothing is read or asked yet. @param name of the credential */
export function openSource(name: string, settings: SourceSettings, world: SourceWorld): Source {
  const { env, clock } = world
  if ('env' in settings) return envSource(settings.env, env, clock)
  if ('file' in settings) return fileSource(settings.file, clock)
  if ('exec' in settings) return execSource(settings.exec, env, clock)
  if ('metadata' in settings) return metadataSource(settings.metadata, env, clock)
  return lazyOAuth2(name, settings.oauth2, world)
}

/** OAuth 2 is much code that most daemons never need: it is loaded with the first call. */
function lazyOAuth2(name: string, settings: OAuth2Settings, world: SourceWorld): Source {
  const description = `oauth2 ${settings.grant} at ${shownUrl(settings.token_url)}`
  let loading: Promise<Source> | undefined
  const load = () => {
    loading ??= loadOAuth2(name, settings, world).catch(error => {
      loading = undefined
      throw error
    })
    return loading
  }
  const watch = (changed: () => void): Cancel => {
    let end: Cancel | undefined
    let ended = false
    const begin = (source: Source) => {
      if (!ended) end = source.watch?.(changed)
    }
    // A failure is told by the call that comes next.
    load().then(begin, () => undefined)
    return () => {
      ended = true
      end?.()
    }
  }
  return { description, fetch: async (signal, refused) => (await load()).fetch(signal, refused), watch }
}

/**
 * Loads the code of a source in the background. It must be there before there may be no file left to open: a module that
 * could not be read once is never read again by Node 20, and the credential would be gone until a restart.
 */
export function warmUp(settings: SourceSettings): void {
  if (!('oauth2' in settings)) return
  const modules = [import('./oauth2-source.js'), import('./oauth2-world.js'), import('oauth4webapi')]
  // What goes wrong goes wrong again for the first call, and is told then.
  Promise.all([...modules, settings.oauth2.jwt && import('jose')]).catch(() => undefined)
}

async function loadOAuth2(name: string, settings: OAuth2Settings, world: SourceWorld): Promise<Source> {
  const [{ oauth2Source }, { createOAuth2World }] = await Promise.all([
    import('./oauth2-source.js'),
    import('./oauth2-world.js'),
  ])
  const { state, caFile, warn } = world
  return oauth2Source(settings, createOAuth2World(world, caFile), { state, name, warn })
}
