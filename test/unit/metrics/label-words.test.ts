import t from 'tap'
import { FAULTS } from '../../../src/faults.js'
import { outcomeWord, requestCode, requestLabels, whyWord } from '../../../src/metrics/label-words.js'
import { WHYS } from '../../../src/policy/types.js'

t.test('a request is known by its method and status, or by what class they are of', t => {
  const rows: [string, number, string, string][] = [
    ['GET', 200, 'GET', '200'],
    ['CONNECT', 504, 'CONNECT', '504'],
    ['DELETE', 529, 'DELETE', '529'],
    ['get', 200, 'other', '200'],
    ['PROPFIND', 207, 'other', '207'],
    ['GET', 0, 'GET', 'none'],
    ['GET', 299, 'GET', '2xx'],
    ['GET', 999, 'GET', '9xx'],
    ['GET', 1_200, 'GET', 'none'],
    ['__proto__', 418, 'other', '418'],
  ]
  for (const [method, status, ...words] of rows) {
    const labels = requestLabels(requestCode(method, status))
    t.same([labels.method, labels.status], words, `${method} ${status}`)
  }
  t.end()
})

t.test('every outcome and every reason has its word, and what is on no list has that of all the rest', t => {
  for (const name of Object.keys(FAULTS)) t.equal(outcomeWord(name), name)
  for (const why of WHYS) t.equal(whyWord(why), why)
  t.same(['200', '503', 'connected', '', '299', '42', 'nonsense'].map(outcomeWord), [
    '200',
    '503',
    'connected',
    'none',
    '2xx',
    'none',
    'other',
  ])
  t.same(['', 'because'].map(whyWord), ['other', 'other'])
  t.end()
})

t.test('all methods and statuses there could be make fewer than 1,000 pairs', t => {
  const pairs = new Set<string>()
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'X', 'Y']) {
    for (let status = 0; status < 1_000; status++) pairs.add(JSON.stringify(requestLabels(requestCode(method, status))))
  }
  t.ok(pairs.size < 1_000, `${pairs.size} pairs`)
  t.end()
})
