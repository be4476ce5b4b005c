import t from 'tap'
import { WholeLines } from '../../../src/workers/whole-lines.js'

t.test('pieces come out as whole lines, wherever they were cut', t => {
  const text = 'eins\nzwei é\n\ndrei\n'
  const bytes = Buffer.from(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const lines = new WholeLines()
    const given = [lines.push(bytes.subarray(0, cut)), lines.push(bytes.subarray(cut))]
    t.equal(given.join(''), text)
    t.ok(given.every(part => part === undefined || part.endsWith('\n')))
  }
  t.end()
})

t.test('what has no end is not kept for ever', t => {
  const lines = new WholeLines()
  for (let i = 0; i < 40; i++) t.equal(lines.push(Buffer.alloc(65_536, 'x')), undefined)
  t.ok((lines.push(Buffer.from('\n')) ?? '').length <= 1_200_000)
  t.equal(lines.push(Buffer.from('next\n')), 'next\n')
  t.end()
})
