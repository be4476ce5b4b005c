import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import t from 'tap'
import { NO_BROWSER } from '../support/browser.js'
import { harFaults } from '../support/har-rules.js'
import { clickRow, openPage, openScene } from '../support/page-scene.js'
import { answer } from '../support/upstream.js'

const options = { skip: NO_BROWSER, timeout: 60_000 }
const run = promisify(execFile)

/** `undefined` where there is no curl. */
const curl = await run('curl', ['--version']).catch(() => undefined)

async function copied(page: Page, button: string, said: string): Promise<string> {
  await page.getByRole('button', { name: button }).click()
  await page.getByText(said).waitFor()
  return (await page.evaluate('navigator.clipboard.readText()')) as string
}

const permissions = { permissions: ['clipboard-read', 'clipboard-write'] }

t.test('the copied curl line, run in a shell, asks the same of the same and gets the same', options, async t => {
  const script = ({ method, path, head }: { method: string; path: string; head: string }) =>
    answer(200, `${method} ${path} ${/^x-note: (.*)$/m.exec(head)?.[1]?.trim()}`)
  const scene = await openScene(t, { script })
  const { page } = await openPage(t, scene, permissions)
  const rows = [
    ['DELETE', `/it's/$(id)/[1-3]/../end`, `"quoted" 'n' \`ticked\``],
    ['GET', '/plain', 'plain'],
  ] as const
  for (const [method, path, note] of rows) {
    const first = await scene.ask(path, { method, fields: [`x-note: ${note}`, 'x-other: 1'] })
    await clickRow(page, path)
    await page.locator('.fields dt').filter({ hasText: 'x-note' }).waitFor()
    const line = await copied(page, 'copy as curl', 'curl line copied')
    t.match(line, 'x-note: [redacted]', 'what is masked is visibly so')
    if (curl === undefined) {
      t.comment('no curl here: the line was not run')
      continue
    }
    const whole = line.replace('x-note: [redacted]', () => `x-note: ${note.replaceAll("'", String.raw`'\''`)}`)
    const { stdout } = await run('bash', ['-c', whole.replace(/^curl /, 'curl -s ')])
    t.equal(stdout, first.text, line)
    const [sent, again] = scene.upstream.seen.slice(-2)
    t.strictSame([again?.method, again?.path, again?.header('host')], [sent?.method, sent?.path, sent?.header('host')])
  }
})

t.test('an exchange is saved as a HAR that keeps the rules, and its id is copied', options, async t => {
  const scene = await openScene(t)
  const { page, complaints } = await openPage(t, scene, permissions)
  await scene.ask('/model/1', { fields: ['Authorization: Bearer of-the-client'] })
  await clickRow(page, '/model/1')
  await page.locator('.fields dt').filter({ hasText: 'Authorization' }).waitFor()
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'save as HAR' }).click(),
  ])
  const text = readFileSync(await saved.path(), 'utf8')
  const har = JSON.parse(text) as { log: { entries: { response: { status: number } }[] } }
  t.strictSame(harFaults(har), [])
  t.strictSame(
    har.log.entries.map(({ response }) => response.status),
    [401, 200],
  )
  t.notMatch(text, /of-the-client|token-\d/)
  const [{ id = '' } = {}] = await scene.daemon.logged(1)
  t.match(saved.suggestedFilename(), `exchange-${id}.har`)
  t.equal(await copied(page, 'copy id', 'id copied'), id)
  t.strictSame(complaints, { said: [], left: [] })
})
