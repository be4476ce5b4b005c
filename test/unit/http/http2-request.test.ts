import { test } from 'tap'
import { translateHead } from '../../../src/http/http2-request.js'

const PSEUDO = [':method', 'POST', ':scheme', 'https', ':authority', 'api.test', ':path', '/a?b']

test('a head becomes one of HTTP/1.1: Host first, one Cookie line, a coding for a length that is not known', t => {
  const head = translateHead([...PSEUDO, 'cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2'], false)
  t.match(head, { method: 'POST', url: '/a?b', refuse: undefined })
  t.same(head.fields, [
    ...['host', 'api.test', 'cookie', 'a=1; b=2', 'accept', '*/*'],
    ...['transfer-encoding', 'chunked'],
  ])
  t.same(translateHead(PSEUDO, true).fields, ['host', 'api.test'], 'no body, no framing')
  t.same(translateHead([...PSEUDO, 'content-length', '5'], false).fields.slice(2), ['content-length', '5'])
  t.end()
})

test('the size of a head is what HTTP/1.1 would write for its fields', t => {
  t.equal(translateHead(['a', 'bc', 'd', ''], true).size, 'a: bc\r\nd: \r\n'.length)
  t.end()
})

test('F2: what would be framing of HTTP/1.1 is refused here too, should Node ever let it through', t => {
  const cases: [string, string, boolean][] = [
    ['transfer-encoding', 'chunked', false],
    ['connection', 'close', false],
    ['upgrade', 'h2c', false],
    ['keep-alive', 'timeout=5', false],
    ['proxy-connection', 'keep-alive', false],
    ['te', 'gzip', false],
    ['te', 'trailers, deflate', false],
    ['te', 'Trailers', true],
    ['trailer', 'x-sum', true],
    ['proxy-authorization', 'Basic eDp5', true],
  ]
  for (const [name, value, fine] of cases) {
    const { refuse } = translateHead([...PSEUDO, name, value], true)
    t.equal(refuse === undefined, fine, `${name}: ${value}`)
  }
  t.match(translateHead([...PSEUDO, 'content-length', '5'], true).refuse, /without a body/)
  t.equal(translateHead([...PSEUDO, 'content-length', '0'], true).refuse, undefined)
  t.end()
})

test('F3: :authority decides, host may stand for it and must not disagree', t => {
  const head = (authority: string | undefined, host: string | undefined) =>
    translateHead(
      [
        ...[':method', 'GET', ':scheme', 'https', ':path', '/'],
        ...(authority === undefined ? [] : [':authority', authority]),
        ...(host === undefined ? [] : ['host', host]),
      ],
      true,
    )
  t.match(head('a.test', undefined), { fields: ['host', 'a.test'], refuse: undefined })
  t.match(head(undefined, 'a.test'), { fields: ['host', 'a.test'], refuse: undefined })
  t.match(head('a.test', 'A.test:443'), { fields: ['host', 'a.test'], refuse: undefined })
  t.match(head('a.test', 'b.test').refuse, /disagree/)
  t.match(head('a.test', 'a.test:8443').refuse, /disagree/)
  t.match(head('a test', 'b test').refuse, /disagree/, 'nothing is equal to what cannot be read')
  t.end()
})
