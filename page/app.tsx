import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useChanges } from './changes.js'
import { ConnectionBanner } from './connection-banner.js'
import { ExchangeDetails } from './exchange-details.js'
import { ExchangeList } from './exchange-list.js'
import { Header } from './header.js'
import { Help } from './help.js'
import { listenToKeys } from './keys.js'
import { Panels } from './panels/panels.js'
import { Session } from './session.js'
import { keptTheme, setTheme } from './theme.js'
import { Toolbar } from './toolbar.js'

type View = 'exchanges' | 'health'

function App({ session }: { readonly session: Session }) {
  useChanges(session.changes)
  const [view, setView] = useState<View>('exchanges')
  const [help, setHelp] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  const filter = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const toggleHelp = () => setHelp(shown => !shown)
    return listenToKeys(session, { list: () => list.current, filter: () => filter.current, toggleHelp })
  }, [session])
  const { opened } = session
  const close = () => {
    session.close()
    list.current?.focus()
  }
  return (
    <>
      <Header session={session} view={view} onView={setView} onHelp={() => setHelp(true)} />
      <ConnectionBanner session={session} />
      <div class={`columns shows-${view}`}>
        <main class={opened === undefined ? 'exchanges' : 'exchanges has-details'}>
          <Toolbar session={session} input={filter} />
          <ExchangeList session={session} grid={list} />
          {opened !== undefined && <ExchangeDetails session={session} exchange={opened} onClose={close} />}
        </main>
        <Panels session={session} />
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  )
}

setTheme(keptTheme())
render(<App session={new Session()} />, document.body)
