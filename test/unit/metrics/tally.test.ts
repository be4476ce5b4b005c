import t from 'tap'
import { Tally } from '../../../src/metrics/tally.js'

t.test('a word that was announced is there before it comes', t => {
  const tally = new Tally(['ok', 'failed'])
  tally.add('ok')
  tally.add('ok', 0.5)
  tally.add('new')
  t.same(
    [...tally.samples({ a: 'b' }, 'result')].map(({ labels, value }) => [labels['a'], labels['result'], value]),
    [
      ['b', 'ok', 1.5],
      ['b', 'failed', 0],
      ['b', 'new', 1],
    ],
  )
  t.end()
})

t.test('words without end make 129 series at most, and nothing is lost', t => {
  const tally = new Tally()
  for (let i = 0; i < 1_000; i++) tally.add(`word-${i}`)
  tally.add('word-3')
  const samples = [...tally.samples({}, 'word')]
  t.equal(samples.length, 129)
  t.equal(samples.find(({ labels }) => labels['word'] === 'other')?.value, 872)
  t.equal(samples.find(({ labels }) => labels['word'] === 'word-3')?.value, 2)
  t.end()
})
