import type { AzureSettings, GcpSettings, MetadataSettings } from '../config/credential.js'
import type { Env } from '../config/default-config.js'
import { type Clock, markTime } from '../time/clock.js'
import { awsSource } from './aws-source.js'
import { askMetadata, metadataUrl, refusal } from './metadata-request.js'
import { type Fetched, type Source, SourceError } from './source.js'
import { readTokenDocument } from './token-document.js'
import { asFetched } from './token-text.js'

/** A token from the cloud that the machine runs in: no secret, no program. @param env what the clouds' own libraries read */
export function metadataSource(settings: MetadataSettings, env: Env, clock: Clock): Source {
  switch (settings.provider) {
    case 'gcp':
      return gcpSource(settings, env, clock)
    case 'azure':
      return azureSource(settings, env, clock)
    case 'aws':
      return awsSource(settings, env, clock)
  }
}

const GCP_REMEDIES = {
  400: 'check `scope` and `audience`',
  403: 'the metadata server does not give tokens to this workload',
  404: 'attach a service account to the machine, or correct `account`',
}

function gcpSource(settings: GcpSettings, env: Env, clock: Clock): Source {
  const origin = 'gcp metadata server'
  const { account = 'default', audience } = settings
  const fetch = async (signal: AbortSignal): Promise<Fetched> => {
    const since = markTime(clock)
    const url = gcpUrl(settings, env, origin)
    const answer = await askMetadata({ url, headers: { 'Metadata-Flavor': 'Google' } }, origin, signal)
    const askedAt = since()
    // Any web server may stand at that name in another network.
    if (answer.headers['metadata-flavor'] !== 'Google') {
      throw new SourceError(`${origin} at ${url.host} is none: its answer has no Metadata-Flavor`, false)
    }
    if (answer.status !== 200) throw refusal(answer, GCP_REMEDIES, origin, askedAt)
    return audience === undefined
      ? readTokenDocument(answer.body, askedAt, origin)
      : asFetched(answer.body, undefined, askedAt, origin)
  }
  return { description: `${origin}, ${audience === undefined ? 'access' : 'identity'} token of ${account}`, fetch }
}

function gcpUrl({ account = 'default', scope, audience }: GcpSettings, env: Env, origin: string): URL {
  const path = `/computeMetadata/v1/instance/service-accounts/${encodeURIComponent(account)}`
  const host = `http://${env['GCE_METADATA_HOST'] || 'metadata.google.internal'}`
  const url = metadataUrl(host, `${path}/${audience === undefined ? 'token' : 'identity'}`, origin)
  if (audience !== undefined) url.searchParams.set('audience', audience)
  else if (scope !== undefined) url.searchParams.set('scopes', scope.trim().split(/\s+/).join(','))
  return url
}

const AZURE_REMEDIES = {
  400: 'give the machine a managed identity, and check `resource` and `client_id`',
  403: 'the identity may not be used here',
  404: 'the endpoint is being updated, or this is no Azure machine',
  410: 'the endpoint is being updated, which takes up to 70 s',
}

function azureSource({ resource, client_id: clientId }: AzureSettings, env: Env, clock: Clock): Source {
  const origin = 'azure identity endpoint'
  const fetch = async (signal: AbortSignal): Promise<Fetched> => {
    const since = markTime(clock)
    const { url, headers } = azureEndpoint(env, origin)
    url.searchParams.set('resource', resource)
    if (clientId !== undefined) url.searchParams.set('client_id', clientId)
    const answer = await askMetadata({ url, headers }, origin, signal)
    const askedAt = since()
    if (answer.status !== 200) throw refusal(answer, AZURE_REMEDIES, origin, askedAt)
    return readTokenDocument(answer.body, askedAt, origin)
  }
  return { description: `${origin}, token for ${resource}`, fetch }
}

type Endpoint = { readonly url: URL; readonly headers: Readonly<Record<string, string>> }

/** App Service and Container Apps name an endpoint of their own; a virtual machine asks its metadata service. */
function azureEndpoint(env: Env, origin: string): Endpoint {
  const own = env['IDENTITY_ENDPOINT']
  const secret = env['IDENTITY_HEADER']
  if (own && secret) {
    const url = metadataUrl(own, '', origin)
    url.searchParams.set('api-version', '2019-08-01')
    return { url, headers: { 'X-IDENTITY-HEADER': secret } }
  }
  const host = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] || 'http://169.254.169.254'
  const url = metadataUrl(host, '/metadata/identity/oauth2/token', origin)
  url.searchParams.set('api-version', '2018-02-01')
  return { url, headers: { Metadata: 'true' } }
}
