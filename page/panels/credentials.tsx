import type { CredentialAnswer } from '../../src/admin/answers.js'
import { formatAge } from '../format.js'

const STATES = {
  none: ['not asked yet', 'dim'],
  valid: ['valid', 'good'],
  renewing: ['renewing', 'warn'],
  cooling: ['failed, waits', 'warn'],
  needs_login: ['needs login', 'bad'],
} as const

/** Tokens are told by the first digits of their hash, as in the log. */
export function Credentials({ credentials }: { readonly credentials: readonly CredentialAnswer[] }) {
  return (
    <ul class="items">
      {credentials.map(credential => (
        <li key={credential.name}>
          <Credential credential={credential} />
        </li>
      ))}
    </ul>
  )
}

function Credential({ credential }: { readonly credential: CredentialAnswer }) {
  const { name, source, state, token, expires_at, retry_after_s, generation, error } = credential
  const [words, tone] = STATES[state]
  const left = expires_at === null ? undefined : (Date.parse(expires_at) - Date.now()) / 1_000
  const facts = [
    source,
    token !== null && `token ${token}`,
    generation > 0 && `no. ${generation}`,
    left !== undefined && (left > 0 ? `ends in ${formatAge(left)}` : 'ended'),
    retry_after_s > 0 && `asked again in ${formatAge(retry_after_s)}`,
  ].filter(fact => fact !== false && fact !== undefined)
  return (
    <>
      <p class="line">
        <b title={name}>{name}</b>
        <span class={tone}>{words}</span>
      </p>
      <p class="small">{facts.join(' · ')}</p>
      {error !== null && <p class="small bad">{error}</p>}
    </>
  )
}
