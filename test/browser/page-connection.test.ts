import t from 'tap'
import { NO_BROWSER, openWindow, screenshot } from '../support/browser.js'
import { openPage, openScene } from '../support/page-scene.js'

const options = { skip: NO_BROWSER, timeout: 60_000 }

t.test(
  'a daemon that goes is told of at once, and one that comes in its place is found by itself',
  options,
  async t => {
    const scene = await openScene(t)
    const { page, complaints } = await openPage(t, scene)
    await scene.ask('/before')
    await page.locator('.rows .row').filter({ hasText: '/before' }).waitFor()
    await scene.daemon.close()
    await page.getByText('The daemon does not answer.').waitFor()
    t.ok(await page.getByText('not connected').isVisible())
    t.ok(await page.locator('.rows .row').filter({ hasText: '/before' }).isVisible(), 'what was known is still there')
    await screenshot(t, page, 'page-lost')
    await scene.restart()
    await scene.ask('/after')
    await page.locator('.rows .row').filter({ hasText: '/after' }).waitFor()
    t.equal(await page.getByText('The daemon does not answer.').count(), 0)
    t.equal(await page.locator('.rows .row').count(), 2)
    await scene.ask('/later')
    await page.locator('.rows .row').filter({ hasText: '/later' }).waitFor()
    const unexpected = complaints.said.filter(
      text => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|net::ERR/.test(text),
    )
    t.strictSame(unexpected, [], 'nothing but that nobody answered')
  },
)

t.test(
  'a page that is opened where nobody looks at it, as in another tab, costs nothing after a minute',
  options,
  async t => {
    const scene = await openScene(t)
    const page = await openWindow(t, {})
    await page.clock.install()
    await page.addInitScript("Object.defineProperty(document, 'hidden', { configurable: true, value: true })")
    await page.goto(`${scene.origin}/`)
    await page
      .getByText('open', { exact: true })
      .or(page.getByText('ready', { exact: true }))
      .waitFor()
    await page.clock.runFor(61_000)
    await page.getByText('asleep').waitFor({ state: 'attached' })
  },
)

t.test('a page that nobody has looked at for a minute costs the daemon nothing, and catches up', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene)
  await page.clock.install()
  await page.reload()
  await page.getByText('ready', { exact: true }).waitFor()
  const show = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event('visibilitychange'))`)
  await show(true)
  const asked: string[] = []
  page.on('request', request => asked.push(request.url()))
  await page.clock.runFor(59_000)
  await scene.ask('/while-hidden')
  await page.clock.runFor(2_000)
  await page.getByText('asleep').waitFor({ state: 'attached' })
  await scene.ask('/while-asleep')
  await page.clock.runFor(60_000)
  t.strictSame(asked, [], 'it asks for nothing')
  await show(false)
  await page.clock.runFor(1_000)
  await page.locator('.rows .row').filter({ hasText: '/while-asleep' }).waitFor()
  t.equal(await page.locator('.rows .row').filter({ hasText: '/while-hidden' }).count(), 1)
})
