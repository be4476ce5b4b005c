import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { oauth2Source } from '../../src/credential/oauth2-source.js'
import { oauth2Settings, oauth2World, sessionHome, soon } from '../support/oauth2.js'
import { startOidc } from '../support/oidc.js'
import { SECRET } from '../support/oidc-client.js'
import { seeded } from '../support/random.js'
import { startRefreshing, storedRefreshToken } from '../support/refresh-process.js'
import { shortDir } from '../support/short-dir.js'

const KILLS = Number(process.env['KILLS'] ?? 15)

/**
 * A kill between the server's change and our rename leaves the old token as the only one: this server takes it again
 * until its successor was used, as those do that mean to survive a lost answer. What happens with one that does not is
 * the last test of integration/refresh-session.
 */
test(`T6: kill -9 at ${KILLS} random points between renewal, rotation and use never loses the session`, async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  let onAsk = () => false
  let onRotate = () => {}
  let onAnswer = () => {}
  const oidc = await startOidc(t, {
    grace: true,
    onAsk: () => onAsk(),
    onRotate: () => onRotate(),
    onAnswer: () => onAnswer(),
  })
  const { token_url } = oidc
  const first = await oidc.refreshToken()
  const state = shortDir(t)
  let behind = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const loop = startRefreshing(t, { token_url, state, first })
    // Its first token is the proof that the kill before did no harm.
    await loop.said(1 + Math.floor(random() * 3))
    const end = () => loop.child.kill('SIGKILL')
    // The first two leave nothing to chance: before the server hears of it, and when it has changed its mind.
    const point = kill === 0 ? 4 : kill === 1 ? 0 : Math.floor(random() * 5)
    if (point === 0) onRotate = end
    else if (point === 4) onAsk = end
    else if (point === 1) onAnswer = () => setTimeout(end, random() * 3)
    else if (point === 2) setTimeout(end, random() * 15)
    // Between the file and the next renewal.
    else end()
    await loop.gone
    onAsk = () => false
    onRotate = () => {}
    onAnswer = () => {}
    const wrong = loop.lines.filter(line => !line.startsWith('token '))
    if (wrong.length > 0) return void t.fail(`kill ${kill}: ${wrong.join()}`)
    if (storedRefreshToken(state) !== oidc.latest()) behind++
  }
  t.comment(`${oidc.calls()} calls; after ${behind} of ${KILLS} kills the file was behind the server`)
  t.ok(behind > 0 && behind < KILLS, 'before the file was written, and after')
  const settings = oauth2Settings({
    token_url,
    grant: 'refresh_token',
    client_secret: { literal: SECRET },
    refresh_token: { literal: first },
  })
  t.ok((await oauth2Source(settings, oauth2World(), sessionHome(t, state)).fetch(soon())).token)
  t.equal(storedRefreshToken(state), oidc.latest())
  t.same(readdirSync(join(state, 'credentials')), ['vendor.json'], 'no lock and no draft is left')
})

test('TR-21: two processes share a session that takes no refresh token twice', async t => {
  const oidc = await startOidc(t)
  const first = await oidc.refreshToken()
  const state = shortDir(t)
  const rounds = 40
  const loops = [1, 2].map(() => startRefreshing(t, { token_url: oidc.token_url, state, first, rounds }))
  await Promise.all(loops.map(loop => loop.gone))
  for (const { lines } of loops) {
    t.equal(lines.filter(line => line.startsWith('token ')).length, rounds)
    t.same(
      lines.filter(line => !line.startsWith('token ')),
      [],
    )
  }
  t.comment(`${oidc.calls()} calls for ${2 * rounds} tokens`)
  t.ok(oidc.calls() <= 2 * rounds)
})
