import t from 'tap'
import { NO_BROWSER } from '../support/browser.js'
import { openPage, openScene } from '../support/page-scene.js'

const options = { skip: NO_BROWSER, timeout: 60_000 }

t.test('without a mouse: filter, move, open, follow, close, pause, help', options, async t => {
  const scene = await openScene(t)
  for (let n = 0; n < 40; n++) await scene.ask(`/items/${n}`)
  const { page, complaints } = await openPage(t, scene)
  await page.locator('.rows .row').filter({ hasText: '/items/39' }).waitFor()
  const keys = async (...names: string[]) => {
    for (const name of names) await page.keyboard.press(name)
  }
  const active = async () => (await page.locator('.row.active .path').allTextContents()).join()
  const heading = page.getByRole('region', { name: 'Exchange' }).getByRole('heading', { level: 2 })

  await keys('j')
  await page.locator('.row.active').waitFor()
  t.equal(await active(), '/items/39', 'the newest first')
  const grid = page.getByRole('grid')
  t.equal(await grid.getAttribute('aria-activedescendant'), await page.locator('.row.active').getAttribute('id'))
  t.equal(await page.locator('.row.active').getAttribute('aria-selected'), 'true')
  await keys('j', 'ArrowDown', 'k')
  await page.locator('.row.active', { hasText: '/items/38' }).waitFor()
  await keys('Enter')
  await heading.filter({ hasText: '/items/38' }).waitFor()
  await keys('j')
  await heading.filter({ hasText: '/items/37' }).waitFor()
  await keys('End')
  await heading.filter({ hasText: /\/items\/0$/ }).waitFor()
  // Which it is as soon as the list has heard that it was scrolled.
  await page.locator('.row.active').waitFor()
  t.ok(await page.locator('.row.active').isVisible(), 'the row is in sight')
  await keys('Escape')
  await heading.waitFor({ state: 'detached' })

  await keys('/')
  t.equal(await page.evaluate('document.activeElement.type'), 'search')
  await page.keyboard.type('items/7 p')
  t.equal(await page.getByRole('searchbox').inputValue(), 'items/7 p', 'keys are text where one writes')
  await keys('Escape')
  await page.locator('.count', { hasText: /^40$/ }).waitFor()
  t.equal(await page.getByRole('searchbox').inputValue(), '')
  t.equal(await page.evaluate('document.activeElement.getAttribute("role")'), 'grid')

  for (const [key, name] of [
    ['p', /resume/],
    [' ', /^pause$/],
  ] as const) {
    await keys(key)
    await page.getByRole('button', { name }).waitFor()
  }
  await keys('?')
  const dialog = page.getByRole('dialog', { name: 'Keys' })
  await dialog.waitFor()
  await keys('Escape')
  await dialog.waitFor({ state: 'detached' })
  await keys('j', 'Enter')
  await heading.waitFor()
  await keys('?')
  await dialog.waitFor()
  await keys('Escape')
  await dialog.waitFor({ state: 'detached' })
  t.equal(await heading.count(), 1, 'what is open behind the help stays open')
  t.strictSame(complaints, { said: [], left: [] })
})

t.test('Tab reaches every control in reading order, and each shows that it has the focus', options, async t => {
  const scene = await openScene(t)
  await scene.ask('/items/1')
  const { page } = await openPage(t, scene)
  await page.locator('.rows .row').click()
  await page.getByRole('button', { name: 'copy as curl' }).waitFor()
  const steps: string[] = []
  for (let n = 0; n < 20; n++) {
    await page.keyboard.press('Tab')
    const at = (await page.evaluate(`(() => {
      const { activeElement: at } = document
      const style = getComputedStyle(at)
      const name = at === document.body ? '' : (at.getAttribute('aria-label') ?? at.textContent.trim())
      return { name, outline: style.outlineStyle + style.outlineWidth }
    })()`)) as { name: string; outline: string }
    if (at.name === '' || steps.includes(at.name)) continue
    steps.push(at.name)
    t.equal(at.outline, 'solid2px', at.name)
  }
  // The row that was clicked is where it began.
  const first = steps.indexOf('Colours: auto')
  steps.push(...steps.splice(0, first))
  const wanted = [
    ...['Colours: auto', 'Keyboard help', 'Filter', 'failed', 'repeated', 'paid', 'keyed', 'slow', 'pause'],
    ...['Exchanges, the newest first', 'copy as curl', 'save as HAR', 'copy id', 'close'],
  ]
  t.strictSame(
    steps.filter(name => wanted.includes(name)),
    wanted,
  )
})

t.test('where the exchange covers the list, the focus goes into it and comes back', options, async t => {
  const scene = await openScene(t)
  await scene.ask('/items/1')
  const { page } = await openPage(t, scene, { viewport: { width: 360, height: 640 } })
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Exchange' }).waitFor()
  await page.locator('button:focus', { hasText: 'close' }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Exchange' }).waitFor({ state: 'detached' })
  t.equal(await page.evaluate('document.activeElement.getAttribute("role")'), 'grid')
})
