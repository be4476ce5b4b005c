import t from 'tap'
import { coversBody } from '../../../src/http/signed-request.js'

t.test('I2: a field that covers the bytes of the body is found', t => {
  const rows: [string, string][] = [
    ['Content-Digest', 'sha-256=:abc=:'],
    ['Repr-Digest', 'sha-256=:abc=:'],
    ['Digest', 'SHA-256=abc='],
    ['Content-MD5', 'abc=='],
    ['Signature-Input', 'sig=("content-digest");created=1'],
    ['Signature', 'sig=:abc=:'],
    ['X-Amz-Content-Sha256', 'e3b0'],
    ['x-ms-content-sha256', 'e3b0'],
    ['X-Amz-Checksum-Crc32', 'abc='],
    ['Tl-Signature', 'abc..def'],
    ['X-JWS-Signature', 'abc..def'],
    ['X-Hub-Signature-256', 'sha256=abc'],
    ['X-Request-Hmac', 'abc'],
    ['X-Body-Hash', 'abc'],
    ['X-Goog-Hash', 'crc32c=abc'],
    ['X-Sign', 'abc'],
    ['Content-Encoding', 'gzip'],
    ['Content-Encoding', 'identity, br'],
  ]
  for (const [name, value] of rows) t.equal(coversBody(['Host', 'a.example', name, value]), name.toLowerCase(), name)
  t.equal(coversBody(['Trailer', 'X-Took, Content-Digest']), 'content-digest')
  t.end()
})

t.test('I2: an Authorization that signs the request is found by its scheme', t => {
  for (const value of [
    'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b',
    'AWS4-ECDSA-P256-SHA256 Credential=a',
    'AWS a:b',
    'GOOG4-RSA-SHA256 Credential=a',
    'SharedKey account:sig',
    'sharedkeylite account:sig',
    'HMAC-SHA256 Credential=a',
    'EG1-HMAC-SHA256 client_token=a',
    'OAuth oauth_consumer_key="a", oauth_signature="b"',
    'Hawk id="a", mac="b"',
    'Signature keyId="a"',
    'hmac username="a"',
  ])
    t.equal(coversBody(['Authorization', value]), 'authorization', value)
  t.end()
})

t.test('I2: a request that signs nothing keeps its body open', t => {
  for (const fields of [
    [],
    ['Authorization', 'Bearer abc.def.ghi'],
    ['Authorization', 'Basic YTpi'],
    ['Authorization', ''],
    ['Content-Encoding', 'identity'],
    ['Want-Content-Digest', 'sha-256=1'],
    ['Accept-Signature', 'sig'],
    ['X-Payment-Signature', 'abc'],
    ['PAYMENT-SIGNATURE', 'abc'],
    ['X-Payment', 'abc'],
    ['Accept-Encoding', 'gzip'],
    ['X-Digestion', 'slow'],
    ['X-Assigned-To', 'me'],
    ['Trailer', 'Grpc-Status'],
  ])
    t.equal(coversBody(fields), undefined, fields.join(': '))
  t.end()
})
