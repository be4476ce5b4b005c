import { writeSync } from 'node:fs'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { oauth2Settings, oauth2World } from './oauth2.js'
import { SECRET } from './oidc-client.js'

/** Renews a session, again and again, until it is killed or the rounds are over. A line on stdout for each token. */
const [token_url = '', state = '', literal = '', rounds = ''] = process.argv.slice(2)

const settings = oauth2Settings({
  token_url,
  grant: 'refresh_token',
  client_secret: { literal: SECRET },
  refresh_token: { literal },
})
const warn = (what: string) => writeSync(1, `warning ${what}\n`)
const source = oauth2Source(settings, oauth2World(), { state, name: 'vendor', warn })

for (let round = 0; round < Number(rounds || Number.POSITIVE_INFINITY); round++) {
  try {
    const { token } = await source.fetch(AbortSignal.timeout(60_000))
    writeSync(1, `token ${token}\n`)
  } catch (error) {
    writeSync(1, `failed ${(error as Error).message}\n`)
    process.exit(1)
  }
}
