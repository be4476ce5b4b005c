import t from 'tap'
import { parseMoment } from '../../../src/time/moment.js'
import { START } from '../../support/clock.js'

t.test('a moment is a span before now, a day, or a time in UTC; anything else is none', t => {
  const rows: [string, number | undefined][] = [
    ['24h', START - 86_400_000],
    ['7d', START - 7 * 86_400_000],
    ['500ms', START - 500],
    ['900000d', 0],
    ['99999999999999d', 0],
    ['2025-12-31', START - 86_400_000],
    ['2025-12-31T23:59:59Z', START - 1_000],
    ['2025-12-31T23:59:59.5Z', START - 500],
    ['2025-12-31T23:59:59', undefined],
    ['2025-13-01', undefined],
    ['31.12.2025', undefined],
    ['yesterday', undefined],
    ['24', undefined],
    ['-1h', undefined],
    ['', undefined],
  ]
  for (const [text, at] of rows) t.equal(parseMoment(text, START), at, text)
  t.end()
})
