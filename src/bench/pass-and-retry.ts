/** A route without policies and one with all defaults, in one daemon: what differs is the policies, not the state of the compiler. */
export const PASS_AND_RETRY = `  - name: pass
    match: { host: 127.0.0.1, path: /pass/** }
    retry: off
    cooldown: off
    breaker: off
  - name: retry
    match: { host: 127.0.0.1, path: /retry/** }`
