import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP } from 'node:net'

export type Names = {
  /** What a name leads to from now on: the answer to each question in turn, the last one for ever. */
  readonly answer: (name: string, ...answers: readonly (readonly string[])[]) => void
  /** It fails with an error code of `getaddrinfo`, or nobody ever says anything about it. */
  readonly fail: (name: string, how: 'ENOTFOUND' | 'EAI_AGAIN' | 'silent') => void
  /** How often it was asked for. */
  readonly asked: (name: string) => number
}

/**
 * Puts a resolver with a script in the place of the platform's, for this process and as long as the test: the names of
 * a test are its own, and their answers may change between questions. Others under `.test` do not exist.
 */
export function scriptNames(t: { readonly teardown: (restore: () => void) => void }): Names {
  const platform = dns.lookup
  const scripts = new Map<string, { answers: readonly (readonly string[])[]; how?: string; asked: number }>()
  const scripted = (host: string, options: dns.LookupAllOptions, callback: (...args: unknown[]) => void) => {
    const script = scripts.get(host)
    if (script === undefined) {
      // RFC 6761 §6.4: nobody has them, and nobody need be asked.
      if (!host.endsWith('.test')) return platform(host, options, callback)
      return process.nextTick(callback, Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' }))
    }
    const addresses = script.answers[Math.min(script.asked, script.answers.length - 1)] ?? []
    script.asked++
    const { how } = script
    if (how === 'silent') return
    if (how !== undefined) return process.nextTick(callback, Object.assign(new Error(`no ${host}`), { code: how }))
    const all = addresses.map(address => ({ address, family: isIP(address) }))
    process.nextTick(callback, null, all)
  }
  dns.lookup = scripted as typeof dns.lookup
  syncBuiltinESMExports()
  t.teardown(() => {
    dns.lookup = platform
    syncBuiltinESMExports()
  })
  return {
    answer: (name, ...answers) => void scripts.set(name, { answers, asked: 0 }),
    fail: (name, how) => void scripts.set(name, { answers: [], how, asked: 0 }),
    asked: name => scripts.get(name)?.asked ?? 0,
  }
}
