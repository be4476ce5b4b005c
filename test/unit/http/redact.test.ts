import t from 'tap'
import { isSecretField, redactFields, redactUrl } from '../../../src/http/redact.js'

t.test('a secret field is masked in any case, others and their repeats are shown', t => {
  const fields = ['AUTHORIZATION', 'Bearer s3cret', 'Accept', 'a', 'accept', 'b', 'X-Mine', 'hidden', 'Cookie', 'c=1']
  t.same(redactFields(fields, ['x-mine']), {
    authorization: '[redacted]',
    accept: 'a, b',
    'x-mine': '[redacted]',
    cookie: '[redacted]',
  })
  t.ok(isSecretField('x-payment'))
  t.notOk(isSecretField('accept'))
  t.end()
})

t.test('T19: what a vendor calls a secret is masked, and so are the queries and users of URLs in any field', t => {
  const rows: [string, string, string][] = [
    ['X-Amz-Security-Token', 'abc', '[redacted]'],
    ['X-Vendor-Session', 'abc', '[redacted]'],
    ['Ocp-Apim-Subscription-Key', 'abc', '[redacted]'],
    ['Referer', 'https://app.test/cb?code=abc', 'https://app.test/cb?[redacted]'],
    ['Origin', 'https://me:abc@app.test', 'https://[redacted]@app.test'],
    ['X-Original-Url', '/cb?code=abc', '/cb?[redacted]'],
    ['X-Question', 'why? a=b', 'why? a=b'],
    ['Accept', '*/*;q=0.8', '*/*;q=0.8'],
  ]
  for (const [name, value, shown] of rows)
    t.strictSame(redactFields([name, value], []), { [name.toLowerCase()]: shown })
  t.end()
})

t.test('a field named __proto__ is only a field', t => {
  const shown = redactFields(['__proto__', 'x'], [])
  t.equal(Object.getPrototypeOf(shown), Object.prototype)
  t.same(Object.keys(shown), ['__proto__'])
  t.end()
})

t.test('user information and query values of URLs are masked wherever they stand', t => {
  const rows: [string, string][] = [
    ['http://user:pass@host/x', 'http://[redacted]@host/x'],
    ['https://host/p?key=1 failed', 'https://host/p?[redacted] failed'],
    ['wss://tok@h/', 'wss://[redacted]@h/'],
    ['/plain/path', '/plain/path'],
  ]
  for (const [given, shown] of rows) t.equal(redactUrl(given), shown)
  t.end()
})

t.test('a target as long as anybody sends one is masked at once, whatever is in it', t => {
  for (const part of ['p', 'http://', 'a://b', '://', '@', '?']) {
    const before = process.cpuUsage()
    redactUrl(`/${part.repeat(200_000 / part.length)}`)
    // What grows with the square of the length takes minutes.
    t.ok(process.cpuUsage(before).user < 2_000_000, part)
  }
  t.end()
})
