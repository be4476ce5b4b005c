import t from 'tap'
import { SourceError } from '../../../src/credential/source.js'
import { millis } from '../../../src/time/units.js'
import type { Renewal, TokenAnswer, TokenQuestion } from '../../../src/workers/protocol.js'
import { tokenSource } from '../../../src/workers/token-source.js'

const SETTINGS = { env: 'TOKEN' }
const given = (token: string, generation: number): TokenAnswer => ({ token, generation, expiresAt: 5_000 })

function desk(...answers: TokenAnswer[]) {
  const asked: TokenQuestion[] = []
  const listeners = new Set<(renewal: Renewal) => void>()
  const source = tokenSource('vendor', SETTINGS, {
    ask: async question => {
      asked.push(question)
      return answers[asked.length - 1] ?? given('last', 9)
    },
    onRenewed: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  })
  const renew = (generation: number, credential = 'vendor') => {
    for (const listener of listeners) listener({ credential, generation })
  }
  return { source, asked, renew, listeners }
}

const { signal } = new AbortController()

t.test('the refused value is asked with, and also when it becomes known while the question is under way', async t => {
  const { source, asked } = desk(given('one', 1), given('one', 1), given('two', 2))
  await source.fetch(signal, () => 'zero')
  let refused: string | undefined
  const answer = source.fetch(signal, () => refused)
  refused = 'one'
  t.same(await answer, { token: 'two', expiresAt: 5_000 })
  t.same(
    asked.map(question => question.refused),
    ['zero', undefined, 'one'],
  )
})

t.test('a failure is told as the primary tells it', async t => {
  const { source } = desk({ reason: 'no', permanent: true, retryAfter: millis(7) })
  await t.rejects(source.fetch(signal), new SourceError('no', true, millis(7)))
})

t.test('only another token than the last one is news, and after a failure any', async t => {
  const { source, renew, listeners } = desk(given('one', 1), {
    reason: 'no',
    permanent: true,
    retryAfter: millis(0),
  })
  let news = 0
  const end = source.watch?.(() => news++)
  await source.fetch(signal)
  renew(1)
  renew(2, 'another')
  t.equal(news, 0)
  renew(2)
  t.equal(news, 1)
  await t.rejects(source.fetch(signal))
  renew(1)
  t.equal(news, 2)
  end?.()
  t.equal(listeners.size, 0)
})

t.test('a call that is given up ends', async t => {
  const silent = { ask: () => new Promise<never>(() => undefined), onRenewed: () => () => undefined }
  const source = tokenSource('vendor', SETTINGS, silent)
  const abort = new AbortController()
  const answer = source.fetch(abort.signal)
  abort.abort()
  await t.rejects(answer, SourceError)
  await t.rejects(source.fetch(abort.signal), SourceError)
})
