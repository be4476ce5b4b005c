import t from 'tap'
import { SecretScan } from '../../../../src/bench/soak/secret-scan.js'

const SECRET = 'soak-secret-8c1f?>~'

const found = (...chunks: readonly (string | Buffer)[]): number => {
  const scan = new SecretScan([SECRET])
  for (const chunk of chunks) scan.feed(Buffer.from(chunk))
  return scan.found
}

t.test('a secret is found as it is, in hex, and in base64 wherever it begins', t => {
  t.equal(found(`{"path":"/${SECRET}"}\n`), 1)
  t.equal(found(`${Buffer.from(SECRET).toString('hex')}\n`), 1)
  for (const before of ['', 'a', 'ab', 'abc', 'soak:']) {
    const bytes = Buffer.from(`${before}${SECRET} and more`)
    t.ok(found(`${bytes.toString('base64')}\n`) > 0, `base64 behind "${before}"`)
    t.ok(found(`${bytes.toString('base64url')}\n`) > 0, `base64url behind "${before}"`)
  }
  t.end()
})

t.test('a secret that comes in two pieces is found once, and other lines are no secret', t => {
  t.equal(found(`x ${SECRET.slice(0, 7)}`, `${SECRET.slice(7)}\n`, 'another line\n'), 1)
  t.equal(found('{"msg":"exchange","path":"/v1/things"}\n'.repeat(50)), 0)
  t.end()
})
