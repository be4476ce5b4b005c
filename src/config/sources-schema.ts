import { z } from 'zod'
import type { MetadataSettings } from './credential.js'
import { isLocal } from './listen-address.js'
import { choice, duration, key, kinds, text, words } from './scalars.js'
import { commandLine, exactlyOne, secret, variableName } from './secrets-schema.js'
import { type Wrong, wrong } from './wrong.js'

/** What each grant cannot do without. */
const NEEDS = {
  client_credentials: ['client_id'],
  refresh_token: ['client_id', 'refresh_token'],
  device_code: ['client_id', 'device_url'],
  jwt_bearer: ['jwt'],
} as const

/** What means something to one grant only. */
const BELONGS = { refresh_token: 'refresh_token', device_url: 'device_code', jwt: 'jwt_bearer' } as const

/** Parameters that other keys set, or the grant itself. */
const RESERVED: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'client_secret',
  'refresh_token',
  'device_code',
  'assertion',
  'scope',
  'audience',
])

const endpoint = () => text({ expects: 'a URL such as https://id.example.com/token', type: 'URL' }, parseEndpoint)

/** Kept to the letter: a server tells `/token` from `/token/`. */
function parseEndpoint(value: string): string | Wrong {
  const url = URL.canParse(value) ? new URL(value) : undefined
  // Not repeated: a password may be what makes it none.
  if (url === undefined) return wrong('not a URL; write https://id.example.com/token')
  // A query may hold a key.
  const shown = `"${url.protocol}//${url.host}${url.pathname}"`
  if (url.username !== '' || url.password !== '') return wrong('credentials do not belong into a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return wrong(`${shown}: the scheme is https`)
  if (url.hash !== '') return wrong(`${shown} has a fragment, which is never sent`)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // RFC 6749 §3.2: secrets go over it.
  if (url.protocol === 'https:' || isLocal({ kind: 'tcp', host, port: 0 })) return value
  return wrong(`${shown}: the scheme is https; http is for an endpoint on this machine`)
}

const texts = (entry: string) =>
  z
    .record(z.string().min(1), z.string())
    .register(kinds, { expects: `a block of ${entry}: text`, type: `block of ${entry}: text` })

const jwt = z.strictObject({
  key: key('Private key to sign with: PEM, or a JWK as JSON.', secret()),
  alg: key('RS256 takes an RSA key, ES256 an EC key on P-256.', choice('RS256', 'ES256').default('RS256')),
  kid: key('Name of the key, for the server.', words('the name of a key')).optional(),
  iss: key('Who signs.', words('an issuer')),
  sub: key('Whom the token speaks for.', words('a subject')).optional(),
  aud: key('Whom the assertion is for; `token_url` when left out.', words('an audience')).optional(),
  claims: key('Further claims.', texts('name').default({})),
})

const oauth2 = z
  .strictObject({
    token_url: key('Token endpoint: https, or http on this machine.', endpoint()),
    grant: key(
      'How a token is had; `device_code` after a login with `mulligan login NAME`.',
      choice('client_credentials', 'refresh_token', 'jwt_bearer', 'device_code').default('client_credentials'),
    ),
    device_url: key('Device authorization endpoint of grant `device_code`.', endpoint()).optional(),
    client_id: key('Public name of the client; all grants but `jwt_bearer` need it.', words('a client id')).optional(),
    client_secret: key('Its secret.', secret()).optional(),
    client_auth: key(
      'How the secret is sent: `basic` unless told, `post` in the body; `none` for a client without one.',
      choice('basic', 'post', 'none'),
    ).optional(),
    refresh_token: key(
      'First token of grant `refresh_token`; those that replace it are kept under `state`.',
      secret(),
    ).optional(),
    scope: key('Scopes, separated by spaces.', words('scopes')).optional(),
    audience: key('Whom the token is for.', words('an audience')).optional(),
    params: key('Further parameters of the request, such as `resource`; no secrets.', texts('name').default({})),
    jwt: key('What grant `jwt_bearer` signs.', jwt).optional(),
  })
  .superRefine((block, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    const { grant, client_id, client_secret, client_auth, params } = block
    for (const name of NEEDS[grant]) if (block[name] === undefined) complain([], `grant ${grant} needs ${name}`)
    for (const [name, owner] of Object.entries(BELONGS))
      if (grant !== owner && block[name as keyof typeof BELONGS] !== undefined)
        complain([name], `belongs to grant ${owner}; this one is ${grant}`)
    for (const name of Object.keys(params))
      if (RESERVED.has(name)) complain(['params', name], 'is no further parameter: it is set by a key of its own')
    if (client_secret !== undefined && client_id === undefined) complain(['client_secret'], 'needs a client_id')
    if (client_auth === 'none' && client_secret !== undefined)
      complain(['client_auth'], 'none sends no secret, but there is a client_secret; drop one of them')
    if ((client_auth ?? 'none') !== 'none' && client_secret === undefined)
      complain(['client_auth'], `${client_auth} sends a secret; client_secret is needed`)
    if (grant === 'client_credentials' && client_secret === undefined && client_auth === undefined)
      complain([], 'grant client_credentials needs client_secret; client_auth: none for a client without one')
  })

const command = z.strictObject({
  command: key('Program and arguments, no shell.', commandLine()),
  timeout: key('It and its children are ended after this.', duration('100ms', '2m').prefault('10s')),
  format: key('How to read what it prints.', choice('text', 'json', 'exec_credential').default('text')),
})

const region = () =>
  text({ expects: 'a region such as eu-west-1', type: 'region' }, value =>
    /^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(value) ? value : wrong(`"${value}" is not a region; write eu-west-1`),
  )

const PROVIDER_KEYS = {
  gcp: ['account', 'scope', 'audience'],
  azure: ['resource', 'client_id'],
  aws: ['service', 'region', 'cluster'],
} as const

const metadata = z
  .strictObject({
    provider: key('The cloud that this machine runs in.', choice('gcp', 'azure', 'aws')),
    account: key('gcp: a service account of the machine, other than its default.', words('an account')).optional(),
    scope: key('gcp: scopes of an access token, separated by spaces.', words('scopes')).optional(),
    audience: key('gcp: an identity token for it, in place of an access token.', words('an audience')).optional(),
    resource: key('azure: whom the token is for; needed.', words('a resource')).optional(),
    client_id: key('azure: which of several identities.', words('a client id')).optional(),
    service: key('aws: what the token is for; needed.', choice('bedrock', 'eks')).optional(),
    region: key("aws: the machine's own when left out.", region()).optional(),
    cluster: key('aws: name of the cluster; service `eks` needs it.', words('the name of a cluster')).optional(),
  })
  .superRefine((block, context) => {
    const own: readonly string[] = ['provider', ...PROVIDER_KEYS[block.provider]]
    for (const [name, value] of Object.entries(block))
      if (value !== undefined && !own.includes(name)) {
        const message = `does not belong to ${block.provider}, which takes ${PROVIDER_KEYS[block.provider].join(', ')}`
        context.addIssue({ code: 'custom', path: [name], message })
      }
  })
  .transform(({ provider, account, scope, audience, resource, client_id, service, region, cluster }, context) => {
    const refuse = (message: string, path: string[] = []) => {
      context.addIssue({ code: 'custom', path, message })
      return z.NEVER
    }
    switch (provider) {
      case 'gcp':
        if (scope !== undefined && audience !== undefined)
          return refuse('belongs to an access token, and audience to an identity token; drop one of them', ['scope'])
        return { provider, account, scope, audience } satisfies MetadataSettings
      case 'azure':
        if (resource === undefined) return refuse('azure needs resource, such as https://vault.azure.net')
        return { provider, resource, client_id } satisfies MetadataSettings
      case 'aws':
        if (service === undefined) return refuse('aws needs service: bedrock, or eks with cluster')
        if (service === 'bedrock')
          return cluster === undefined
            ? ({ provider, service, region } satisfies MetadataSettings)
            : refuse('belongs to service eks', ['cluster'])
        if (cluster === undefined) return refuse('service eks needs cluster')
        return { provider, service, cluster, region } satisfies MetadataSettings
    }
  })

/** Where the tokens of a credential come from. */
export const source = z
  .strictObject({
    oauth2: key('An OAuth 2 token endpoint.', oauth2).optional(),
    exec: key('A program that prints it.', command).optional(),
    metadata: key('The cloud that this machine runs in.', metadata).optional(),
    file: key('A file that holds it; read again when it changes.', words('a path', 'path')).optional(),
    env: key('An environment variable that holds it.', variableName()).optional(),
  })
  .superRefine(exactlyOne('oauth2', 'exec', 'metadata', 'file', 'env'))
