import { useState } from 'preact/hooks'
import { formatAge } from './format.js'
import type { Session } from './session.js'
import { keptTheme, setTheme, THEMES } from './theme.js'

type View = 'exchanges' | 'health'

type Props = {
  readonly session: Session
  readonly view: View
  readonly onView: (view: View) => void
  readonly onHelp: () => void
}

/** The daemon in one line, and below it what is wrong with it. */
export function Header({ session, view, onView, onHelp }: Props) {
  const { status } = session.answers
  const load = session.load ?? status?.load
  const problems = status?.problems ?? []
  return (
    <header>
      <div class="bar">
        <h1>mulligan</h1>
        <span class="dim">{status?.version}</span>
        <Light session={session} />
        <dl class="figures">
          {status !== undefined && <Figure name="up" value={formatAge(status.uptime_s)} />}
          {status !== undefined && status.workers > 1 && <Figure name="workers" value={status.workers} />}
          <Figure name="in flight" value={load?.inflight} />
          <Figure name="tunnels" value={load?.tunnels} />
          <Figure name="clients" value={load?.clients} />
          <Figure name="upstream connections" short="upstream" value={load?.upstream_connections} />
        </dl>
        <nav class="views" aria-label="Views">
          {(['exchanges', 'health'] as const).map(name => (
            <button key={name} type="button" aria-pressed={view === name} onClick={() => onView(name)}>
              {name}
            </button>
          ))}
        </nav>
        <ThemeSwitch />
        <button type="button" class="quiet" aria-label="Keyboard help" title="Keyboard help (?)" onClick={onHelp}>
          ?
        </button>
      </div>
      {problems.length > 0 && (
        <ul class="problems" aria-label="Problems">
          {problems.map(problem => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </header>
  )
}

function Light({ session: { connection, answers, load } }: { readonly session: Session }) {
  const draining = load?.draining ?? answers.status?.draining
  if (connection.kind === 'lost') return <span class="light bad">not connected</span>
  if (connection.kind !== 'open') return <span class="light">{connection.kind}</span>
  if (draining === true) return <span class="light warn">draining</span>
  return answers.status?.ready === false ? (
    <span class="light warn">not ready</span>
  ) : (
    <span class="light good">ready</span>
  )
}

type FigureProps = { readonly name: string; readonly short?: string; readonly value: string | number | undefined }

const Figure = ({ name, short = name, value }: FigureProps) => (
  <div title={name}>
    <dt>{short}</dt>
    <dd>{value ?? '–'}</dd>
  </div>
)

function ThemeSwitch() {
  const [theme, setShown] = useState(keptTheme)
  const next = () => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
    setTheme(following)
    setShown(following)
  }
  return (
    <button type="button" class="quiet theme" aria-label={`Colours: ${theme}`} title="Colours" onClick={next}>
      {theme}
    </button>
  )
}
