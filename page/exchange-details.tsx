import { useEffect, useRef, useState } from 'preact/hooks'
import type { ExchangeDetail, ExchangeView } from '../src/serving/views.js'
import { askExchange } from './api.js'
import { copyText, download } from './clipboard.js'
import { curlLine, MASK } from './curl.js'
import { statusOf, toneOf } from './exchange-row.js'
import { formatBytes, formatSpan, formatTime } from './format.js'
import { harOf } from './har.js'
import type { Session } from './session.js'
import { Waterfall } from './waterfall.js'

type Props = { readonly session: Session; readonly exchange: ExchangeView; readonly onClose: () => void }

/** One exchange: what it was, where its time went, why each step was taken, and how to take it elsewhere. */
export function ExchangeDetails({ session, exchange, onClose }: Props) {
  const { id, method, url, query } = exchange
  const fields = useFields(id)
  const detail: ExchangeDetail = { ...exchange, fields: fields ?? [] }
  const close = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    // There it covers the list, and the keyboard must not stay below.
    if (window.matchMedia('(max-width: 56rem)').matches) close.current?.focus()
  }, [])
  return (
    <section class="details" aria-label="Exchange">
      <div class="title">
        <h2>
          <span class={toneOf(exchange)}>{statusOf(exchange)}</span> {method} <span class="url">{url}</span>
          {query && <span class="dim">?{MASK}</span>}
        </h2>
        <Exports session={session} detail={detail} />
        <button ref={close} type="button" onClick={onClose} title="Close (Esc)">
          close
        </button>
      </div>
      <div class="scrolls">
        <Facts exchange={exchange} />
        <Waterfall exchange={exchange} />
        <Fields fields={fields} />
      </div>
    </section>
  )
}

function Exports({ session, detail }: { readonly session: Session; readonly detail: ExchangeDetail }) {
  const [said, say] = useState('')
  useEffect(() => say(''), [detail.id])
  const { status, routes } = session.answers
  const copy = async (what: string, text: string) => say((await copyText(text)) ? `${what} copied` : 'not allowed')
  const doors = {
    proxy: status?.proxy ?? [],
    mounts: status?.mounts ?? 'same',
    admin: location.origin,
    routes: routes?.routes ?? [],
  }
  const saveHar = () => {
    const har = harOf(detail, status?.version ?? '')
    download(`exchange-${detail.id}.har`, 'application/json', `${JSON.stringify(har, undefined, 2)}\n`)
    say('HAR saved')
  }
  return (
    <span class="exports">
      <span role="status" class="dim">
        {said}
      </span>
      <button type="button" onClick={() => copy('curl line', curlLine(detail, doors))}>
        copy as curl
      </button>
      <button type="button" onClick={saveHar}>
        save as HAR
      </button>
      <button type="button" onClick={() => copy('id', detail.id)} title={detail.id}>
        copy id
      </button>
    </span>
  )
}

/** The client's request fields; `null` when they are not known any more. */
function useFields(id: string): ExchangeDetail['fields'] | null | undefined {
  const [known, setKnown] = useState<{ readonly id: string; readonly fields: ExchangeDetail['fields'] | null }>()
  useEffect(() => {
    let isWanted = true
    void askExchange(id).then(detail => {
      if (isWanted) setKnown({ id, fields: detail?.fields ?? null })
    })
    return () => {
      isWanted = false
    }
  }, [id])
  return known?.id === id ? known.fields : undefined
}

function Facts({ exchange }: { readonly exchange: ExchangeView }) {
  const { id, time, route, mode, duration_ms, overhead_ms, bytes_in, bytes_out, key, spend, end } = exchange
  const waited = exchange.attempts.reduce((sum, { wait_ms }) => sum + wait_ms, exchange.queued_ms)
  const facts: readonly (readonly [string, string | null])[] = [
    ['at', formatTime(time)],
    ['took', formatSpan(duration_ms)],
    ['of that waiting', waited > 0 ? formatSpan(waited) : null],
    ['of that ours', formatSpan(overhead_ms)],
    ['ended with', end],
    ['route', route],
    ['mode', mode],
    ['a repeat is', exchange.class === null ? null : RISKS[exchange.class]],
    ['key', key === null ? null : `${key}…`],
    ['paid', spend],
    ['bytes', `${formatBytes(bytes_in)} in, ${formatBytes(bytes_out)} out`],
    ['id', id],
  ]
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

const RISKS = {
  safe: 'safe: the method is idempotent',
  keyed: 'safe while its key is honoured',
  resumable: 'safe: its key lets a failed one be taken up again',
  bare: 'a second effect, perhaps',
} as const

function Fields({ fields }: { readonly fields: ExchangeDetail['fields'] | null | undefined }) {
  if (fields === undefined) return null
  return (
    <>
      <h3>What the client sent</h3>
      {fields === null && (
        <p class="dim">The daemon has forgotten its fields: it remembers the last 1,000 exchanges.</p>
      )}
      {fields?.length === 0 && <p class="dim">No fields are known.</p>}
      <dl class="fields">
        {fields?.map(([name, value], index) => (
          <div key={`${index} ${name}`}>
            <dt>{name}</dt>
            <dd class={value === MASK ? 'dim' : undefined}>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}
