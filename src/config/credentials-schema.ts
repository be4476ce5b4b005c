import { z } from 'zod'
import { upstream } from './network.js'
import { choice, duration, headerName, key, words, yesNo } from './scalars.js'
import { commandLine, exactlyOne, secret, variableName } from './secrets-schema.js'

const inject = z
  .strictObject({
    bearer: key('`Authorization: Bearer`.', z.literal(true)).optional(),
    header: key('Or a header of this name.', headerName()).optional(),
    basic: key(
      'Or `Authorization: Basic` with this user name.',
      z.strictObject({ username: key('User name.', words('a user name')) }),
    ).optional(),
    query: key('Or a query parameter of this name.', words('a parameter name')).optional(),
    keep: key('Leave a value that the client sent.', yesNo().default(false)),
  })
  .superRefine(exactlyOne('bearer', 'header', 'basic', 'query'))

const oauth2 = z.strictObject({
  token_url: key('Token endpoint.', upstream()),
  grant: key(
    'How a token is had.',
    choice('client_credentials', 'refresh_token', 'jwt_bearer', 'device_code').default('client_credentials'),
  ),
  client_id: key('Public name of the client.', words('a client id')).optional(),
  client_secret: key('Its secret.', secret()).optional(),
  refresh_token: key('First refresh token; rotated ones are kept under `state`.', secret()).optional(),
  scope: key('Scopes, separated by spaces.', words('scopes')).optional(),
  audience: key('Whom the token is for.', words('an audience')).optional(),
})

const command = z.strictObject({
  command: key('Program and arguments, no shell.', commandLine()),
  timeout: key('It is ended after this.', duration('100ms', '10m').prefault('10s')),
  format: key('How to read what it prints.', choice('text', 'json', 'exec_credential').default('text')),
})

const source = z
  .strictObject({
    oauth2: key('An OAuth 2 token endpoint.', oauth2).optional(),
    exec: key('A program that prints it.', command).optional(),
    file: key('A file that holds it; read again when it changes.', words('a path', 'path')).optional(),
    env: key('An environment variable that holds it.', variableName()).optional(),
  })
  .superRefine(exactlyOne('oauth2', 'exec', 'file', 'env'))

/** One entry of `credentials`. */
export const credential = z.strictObject({
  inject: key('Where it goes.', inject.prefault({ bearer: true })),
  source: key('Where it comes from; exactly one.', source),
  ttl: key('How long it is good when the source does not say.', duration('1s', '8760h').prefault('5m')),
  refresh_ahead: key('Renewed this long before it ends.', duration('0s', '24h').prefault('60s')),
  on_401: key('`refresh` and repeat once, or `pass` the answer on.', choice('refresh', 'pass').default('refresh')),
  allow_cleartext: key('Send it over plain http to other machines.', yesNo().default(false)),
})
