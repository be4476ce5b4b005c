import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { tell } from '../../src/cli/admin-client.js'
import { parseListenAddress } from '../../src/config/listen-address.js'
import { isWrong } from '../../src/config/wrong.js'
import { startLive } from '../support/live-daemon.js'
import { makeHome } from '../support/mulligan.js'

const ROUTES = 'state: state\nroutes: [{ name: a, match: { host: "*" } }]\n'

test('F7: a reload says, in the log and to who asked for it, what of the new configuration needs a restart', async t => {
  const home = makeHome(t, ROUTES)
  const daemon = await startLive(t, home)
  const admin = parseListenAddress(daemon.admin)
  if (isWrong(admin)) throw new Error(admin.wrong)
  const reload = () => tell(admin, join(home.folder, 'state'), 'reload')
  t.strictSame(await reload(), { reloaded: true, needs_restart: [] })
  writeFileSync(join(home.folder, 'mulligan.yaml'), `store: memory\nlog: { level: warn }\n${ROUTES}`)
  t.strictSame(await reload(), { reloaded: true, needs_restart: ['store', 'log.level'] })
  t.match(await daemon.said(({ msg }) => msg === 'some of the new configuration is in force after a restart only'), {
    level: 40,
    keys: ['store', 'log.level'],
  })
  t.strictSame((await reload()).needs_restart, ['store', 'log.level'], 'it still does')
  writeFileSync(join(home.folder, 'mulligan.yaml'), ROUTES)
  t.strictSame((await reload()).needs_restart, [], 'back to what it was started with')
  await daemon.stop()
})
