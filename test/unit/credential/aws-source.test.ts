import t, { type Test } from 'tap'
import type { AwsSettings } from '../../../src/config/credential.js'
import { metadataSource } from '../../../src/credential/metadata-source.js'
import { ManualClock, START } from '../../support/clock.js'
import { answer, startUpstream } from '../../support/upstream.js'

const { signal } = new AbortController()
const KEYS = {
  Code: 'Success',
  AccessKeyId: 'AKIDEXAMPLE',
  SecretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  Token: 'IQoJb3JpZ2luX2VjEXAMPLE//+a=b',
  Expiration: '2026-01-01T06:00:00Z',
}

/** IMDSv2: nothing without a session from a PUT. @param pages replace what it serves */
async function startService(t: Test, pages: Readonly<Record<string, string>> = {}) {
  const served: Record<string, string> = {
    '/latest/api/token': 'session',
    '/latest/meta-data/iam/security-credentials/': 'a role\nother\n',
    '/latest/meta-data/iam/security-credentials/a': JSON.stringify(KEYS),
    '/latest/meta-data/placement/region': 'eu-west-1',
    ...pages,
  }
  const server = await startUpstream(seen => {
    const allowed =
      seen.method === 'PUT'
        ? seen.header('x-aws-ec2-metadata-token-ttl-seconds') !== undefined
        : seen.header('x-aws-ec2-metadata-token') === 'session'
    const page = served[seen.path]
    return !allowed ? answer(401) : page === undefined ? answer(404) : answer(200, page)
  })
  t.teardown(() => server.close())
  const fetch = (settings: AwsSettings, more = {}) =>
    metadataSource(settings, { AWS_EC2_METADATA_SERVICE_ENDPOINT: server.url, ...more }, new ManualClock()).fetch(
      signal,
    )
  return { server, fetch }
}

const decode = (token: string, prefix: string): string =>
  Buffer.from(token.slice(prefix.length), 'base64url').toString('utf8')

t.test('aws: a key for Bedrock is, to the byte, what the official @aws/bedrock-token-generator makes', async t => {
  const { fetch } = await startService(t)
  const { token, expiresAt } = await fetch({ provider: 'aws', service: 'bedrock' })
  t.equal(expiresAt, Date.parse(KEYS.Expiration), 'no longer than the keys of the role')
  t.match(token, /^bedrock-api-key-[A-Za-z0-9+/]+=*$/)
  t.equal(
    decode(token, 'bedrock-api-key-'),
    'bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256' +
      '&X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Feu-west-1%2Fbedrock%2Faws4_request&X-Amz-Date=20260101T000000Z' +
      '&X-Amz-Expires=43200&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2F%2Ba%3Db' +
      '&X-Amz-Signature=0a5b86d0d39fa709d9b988b28049d5802ce207a54a6c8e8369ef331f2f715c50' +
      '&X-Amz-SignedHeaders=host&Version=1',
  )
})

t.test('aws: a token for an EKS cluster is signed as @smithy/signature-v4 does it, and good for 15 min', async t => {
  const { fetch, server } = await startService(t)
  const settings = { provider: 'aws', service: 'eks', cluster: 'my-cluster', region: 'eu-west-1' } as const
  const { token, expiresAt } = await fetch(settings)
  t.equal(expiresAt, START + 900_000)
  t.match(token, /^k8s-aws-v1\.[\w-]+$/)
  t.equal(
    decode(token, 'k8s-aws-v1.'),
    'https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15' +
      '&X-Amz-Algorithm=AWS4-HMAC-SHA256' +
      '&X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20260101T000000Z' +
      '&X-Amz-Expires=60&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2F%2Ba%3Db' +
      '&X-Amz-Signature=23a92983ea9739b0ffae3b8e18175b80fc73bd837e0dd2851a56e29b8792d39a' +
      '&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id',
  )
  t.notOk(
    server.seen.some(({ path }) => path.endsWith('/region')),
    'a region that is set is not asked for',
  )
})

t.test('aws: what goes wrong is said without a key', async t => {
  const role = '/latest/meta-data/iam/security-credentials/'
  const cases: [string, Record<string, string>, object, RegExp][] = [
    ['no role', { [role]: '' }, {}, /names no role; attach an IAM role/],
    ['no keys', { [`${role}a`]: '{"Code":"Failed"}' }, {}, /a document without keys$/],
    ['no JSON', { [`${role}a`]: '<html>' }, {}, /a document without keys$/],
    ['ended', { [`${role}a`]: JSON.stringify({ ...KEYS, Expiration: '2025-12-31T00:00:00Z' }) }, {}, /have ended/],
    ['no expiry', { [`${role}a`]: JSON.stringify({ ...KEYS, Expiration: 5 }) }, {}, /have ended, or do not say/],
    ['odd session', { '/latest/api/token': 'a\r\nb' }, {}, /gave no session token$/],
    ['odd region', { '/latest/meta-data/placement/region': 'evil.example/' }, {}, /has no region; set `region`$/],
    ['turned off', {}, { AWS_EC2_METADATA_DISABLED: 'TRUE' }, /turned off by AWS_EC2_METADATA_DISABLED$/],
    ['bad address', {}, { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'nowhere' }, /no http URL$/],
  ]
  for (const [name, pages, env, message] of cases) {
    const { fetch } = await startService(t, pages)
    const failure: unknown = await fetch({ provider: 'aws', service: 'bedrock' }, env).catch((error: unknown) => error)
    t.match(failure, { name: 'SourceError', message }, name)
    t.notMatch(String((failure as Error).stack), /AKID|wJalr|IQoJ/)
  }
})
