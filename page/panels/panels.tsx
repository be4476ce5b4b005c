import type { ComponentChildren } from 'preact'
import type { Session } from '../session.js'
import { Breakers } from './breakers.js'
import { Credentials } from './credentials.js'
import { Routes } from './routes.js'
import { Spend } from './spend.js'

/** What the daemon is about, beside the stream: asked for every two seconds. Those with nothing to say are not there. */
export function Panels({ session }: { readonly session: Session }) {
  const { routes, credentials, breakers, ledger } = session.answers
  return (
    <aside class="panels" aria-label="Health">
      <Panel title="Routes" count={routes?.routes.length}>
        {routes !== undefined && <Routes routes={routes.routes} />}
      </Panel>
      <Panel title="Credentials" count={credentials?.credentials.length}>
        {credentials !== undefined && <Credentials credentials={credentials.credentials} />}
      </Panel>
      <Panel title="Spend against limits" count={ledger?.limits.length}>
        {ledger !== undefined && <Spend limits={ledger.limits} />}
      </Panel>
      <Panel title="Breakers and gates" count={breakers?.breakers.length}>
        {breakers !== undefined && <Breakers breakers={breakers.breakers} />}
      </Panel>
    </aside>
  )
}

type PanelProps = { readonly title: string; readonly count: number | undefined; readonly children: ComponentChildren }

function Panel({ title, count, children }: PanelProps) {
  if (count === undefined || count === 0) return null
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}
