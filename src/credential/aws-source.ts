import type { AwsSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { parseObject } from '../json/read.js'
import type { Clock } from '../time/clock.js'
import { type AwsKeys, presign } from './aws-presign.js'
import { askMetadata, type MetadataAnswer, metadataUrl, refusal } from './metadata-request.js'
import { type Fetched, type Source, SourceError } from './source.js'

type Role = { readonly keys: AwsKeys /** Unix milliseconds. */; readonly expiresAt: number }

const ORIGIN = 'aws metadata service'
const SESSION_SECONDS = 60
/** Bedrock takes a key for 12 h, and no longer than the keys it was signed with. */
const BEDROCK_SECONDS = 43_200
/** The authenticator of EKS reads only URLs of at most a minute, and takes them for 15 min. */
const EKS_SECONDS = 60
const EKS_LIFE = 900_000
/** What has a place in a host name and in a signature. */
const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/

const REMEDIES = {
  401: 'it asks for another version of its protocol than IMDSv2',
  403: 'the service is turned off for this machine',
  404: 'attach an IAM role to the machine',
}

/** A token made from the keys of the machine's IAM role, had by IMDSv2. The keys stay here; only the token leaves. */
export function awsSource(settings: AwsSettings, env: Env, clock: Clock): Source {
  const fetch = async (signal: AbortSignal): Promise<Fetched> => {
    if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') {
      throw new SourceError(`${ORIGIN} is turned off by AWS_EC2_METADATA_DISABLED`, true)
    }
    const ask = await openSession(env, clock, signal)
    const role = readRole(await ask(`iam/security-credentials/${await roleName(ask)}`), clock.now())
    const region = settings.region ?? (await ask('placement/region')).trim()
    // Not before all is answered: the clock may be set while a question is under way.
    const now = clock.now()
    if (!REGION.test(region)) throw new SourceError(`${ORIGIN} has no region; set \`region\``, true)
    return settings.service === 'bedrock'
      ? bedrockKey(role, region, now)
      : clusterToken(role, region, settings.cluster, now)
  }
  const use = settings.service === 'bedrock' ? 'key for Bedrock' : `token for EKS cluster ${settings.cluster}`
  return { description: `${ORIGIN}, ${use}`, fetch }
}

type Ask = (path: string) => Promise<string>

/** The PUT that a confused web server or an open proxy does not make for a stranger. */
async function openSession(env: Env, clock: Clock, signal: AbortSignal): Promise<Ask> {
  const base = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || 'http://169.254.169.254'
  const bodyOf = (answer: MetadataAnswer): string => {
    if (answer.status !== 200) throw refusal(answer, REMEDIES, ORIGIN, clock.now())
    return answer.body
  }
  const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': String(SESSION_SECONDS) }
  const url = metadataUrl(base, '/latest/api/token', ORIGIN)
  const session = bodyOf(await askMetadata({ method: 'PUT', url, headers }, ORIGIN, signal)).trim()
  if (!/^[\x21-\x7e]+$/.test(session)) throw new SourceError(`${ORIGIN} gave no session token`, false)
  return async path =>
    bodyOf(
      await askMetadata(
        {
          url: metadataUrl(base, `/latest/meta-data/${path}`, ORIGIN),
          headers: { 'X-aws-ec2-metadata-token': session },
        },
        ORIGIN,
        signal,
      ),
    )
}

async function roleName(ask: Ask): Promise<string> {
  const [name = ''] = (await ask('iam/security-credentials/')).trim().split(/\s/)
  if (name === '') throw new SourceError(`${ORIGIN} names no role; ${REMEDIES[404]}`, false)
  return encodeURIComponent(name)
}

function readRole(text: string, now: number): Role {
  const document = parseObject(text) ?? {}
  const { AccessKeyId: id, SecretAccessKey: secret, Token: session, Expiration: expiration } = document
  if (typeof id !== 'string' || typeof secret !== 'string' || typeof session !== 'string') {
    throw new SourceError(`${ORIGIN} gave a document without keys`, false)
  }
  const expiresAt = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN
  if (!(expiresAt > now))
    throw new SourceError(`${ORIGIN} gave keys that have ended, or do not say when they end`, false)
  return { keys: { id, secret, session }, expiresAt }
}

function bedrockKey({ keys, expiresAt }: Role, region: string, now: number): Fetched {
  const request = {
    method: 'POST',
    host: 'bedrock.amazonaws.com',
    query: { Action: 'CallWithBearerToken' },
    headers: {},
    service: 'bedrock',
    region,
    expires: BEDROCK_SECONDS,
  } as const
  const signed = `${presign(request, keys, now).replace('https://', '')}&Version=1`
  return {
    token: `bedrock-api-key-${Buffer.from(signed).toString('base64')}`,
    expiresAt: Math.min(expiresAt, now + BEDROCK_SECONDS * 1_000),
  }
}

function clusterToken({ keys, expiresAt }: Role, region: string, cluster: string, now: number): Fetched {
  const request = {
    method: 'GET',
    host: `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`,
    query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    headers: { 'x-k8s-aws-id': cluster },
    service: 'sts',
    region,
    expires: EKS_SECONDS,
  } as const
  return {
    token: `k8s-aws-v1.${Buffer.from(presign(request, keys, now)).toString('base64url')}`,
    expiresAt: Math.min(expiresAt, now + EKS_LIFE),
  }
}
