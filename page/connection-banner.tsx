import { useEffect, useState } from 'preact/hooks'
import type { Session } from './session.js'

/** Clear words while the daemon is away: what is on the page is old. It comes back by itself. */
export function ConnectionBanner({ session }: { readonly session: Session }) {
  const { connection } = session
  const [, draw] = useState(0)
  const isLost = connection.kind === 'lost'
  useEffect(() => {
    if (!isLost) return
    const timer = setInterval(() => draw(n => n + 1), 500)
    return () => clearInterval(timer)
  }, [isLost])
  const left = isLost ? Math.max(0, Math.ceil((connection.again - Date.now()) / 1_000)) : 0
  return (
    <div role="status" class={isLost ? 'banner' : 'banner none'}>
      {isLost && (
        <>
          <strong>The daemon does not answer.</strong> What you see is from before.{' '}
          <span aria-hidden="true">{left > 0 ? `Trying again in ${left} s.` : 'Trying again.'} </span>
          <button type="button" onClick={() => session.retry()}>
            Try now
          </button>
        </>
      )}
    </div>
  )
}
