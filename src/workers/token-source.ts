import type { SourceSettings } from '../config/credential.js'
import { type Fetched, type Source, SourceError } from '../credential/source.js'
import type { Renewal, TokenAnswer, TokenQuestion } from './protocol.js'

/** Where a worker's tokens come from. */
export type TokenDesk = {
  /** @throws LinkError */
  readonly ask: (question: TokenQuestion) => Promise<TokenAnswer>
  /** @returns ends that */
  readonly onRenewed: (listener: (renewal: Renewal) => void) => () => void
}

/**
 * A credential's source in a worker: the primary, which asks the real one, once for all (T3). The end of a token's life
 * is always known there, so that no worker counts it anew from when it heard of the token.
 */
export function tokenSource(credential: string, source: SourceSettings, desk: TokenDesk): Source {
  /** What we were given; 0 when we were given nothing, so that any news is news. */
  let last = 0
  const ask = async (refused: string | undefined): Promise<Fetched> => {
    const answer = await desk.ask({ credential, source, refused })
    last = 0
    if ('reason' in answer) throw new SourceError(answer.reason, answer.permanent, answer.retryAfter)
    const { token, generation, expiresAt } = answer
    last = generation
    return { token, expiresAt }
  }
  return {
    description: 'the primary process',
    fetch: async (signal, refused) => {
      const before = refused?.()
      const fetched = await untilAborted(ask(before), signal)
      const since = refused?.()
      // Refused while we asked for no such reason: what we were given is that very token.
      return since !== before && since === fetched.token ? untilAborted(ask(since), signal) : fetched
    },
    watch: changed =>
      desk.onRenewed(renewal => {
        if (renewal.credential === credential && renewal.generation !== last) changed()
      }),
  }
}

async function untilAborted(answer: Promise<Fetched>, signal: AbortSignal): Promise<Fetched> {
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => {
        const stop = () => reject(new SourceError('stopped', false))
        if (signal.aborted) stop()
        signal.addEventListener('abort', stop, { once: true })
      }),
    ])
  } catch (error) {
    throw error instanceof SourceError ? error : new SourceError('the primary process gave no answer', false)
  }
}
