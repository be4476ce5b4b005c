import type { Page } from 'playwright-core'
import t from 'tap'
import { NO_BROWSER, openWindow, screenshot } from '../support/browser.js'
import { clickRow, openPage, openScene, type PageScene } from '../support/page-scene.js'

const options = { skip: NO_BROWSER, timeout: 90_000 }

/** Every element with text of its own, and every bar: what contrast it has against what it stands on. */
const CONTRASTS = `(() => {
  const channels = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x)
    return (high + 0.05) / (low + 0.05)
  }
  const ground = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const rgba = channels(getComputedStyle(at).backgroundColor)
      if (rgba.length === 3 || rgba[3] === 1) return rgba
    }
    return [255, 255, 255]
  }
  const seen = []
  for (const element of document.querySelectorAll('body *')) {
    const isText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim() !== '')
    if (!element.checkVisibility()) continue
    const style = getComputedStyle(element)
    if (isText) seen.push({ what: element.className + ' ' + element.textContent.slice(0, 30), least: 4.5, is: ratio(channels(style.color), ground(element)) })
    if (element.matches('.swatch:not(.sleep)')) seen.push({ what: element.className, least: 3, is: ratio(channels(style.backgroundColor), ground(element.parentElement)) })
    if (element.matches('.chips button, input')) seen.push({ what: 'edge of ' + element.tagName, least: 3, is: ratio(channels(style.borderTopColor), ground(element.parentElement)) })
  }
  return seen
})()`

type Contrast = { readonly what: string; readonly least: number; readonly is: number }

/** Something of everything. */
async function traffic({ ask }: PageScene): Promise<void> {
  await ask('/limited/1')
  await ask('/model/1')
  await ask('/orders/1', { method: 'POST', body: '{}' })
  await ask('/missing')
  for (let n = 0; n < 4; n++) await ask('/down/1')
}

async function openRow(page: Page, text: string): Promise<void> {
  await clickRow(page, text)
  await page.getByRole('region', { name: 'Exchange' }).locator('.waterfall').waitFor()
}

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`in ${colorScheme} colours all text has 4.5 to 1, and what is no text 3 to 1`, options, async t => {
    const scene = await openScene(t)
    const { page, complaints } = await openPage(t, scene, { colorScheme })
    await traffic(scene)
    await openRow(page, '/limited/1')
    await page.getByRole('button', { name: 'failed' }).click()
    const seen = (await page.evaluate(CONTRASTS)) as Contrast[]
    t.ok(seen.length > 60, `${seen.length} were looked at`)
    t.strictSame(
      seen.filter(({ is, least }) => is < least),
      [],
    )
    t.comment(
      `least contrast of text: ${Math.min(...seen.filter(one => one.least === 4.5).map(({ is }) => is)).toFixed(2)}`,
    )
    await screenshot(t, page, `page-${colorScheme}`)
    t.strictSame(complaints, { said: [], left: [] })
  })
}

t.test('the switch goes from the system to light to dark, and is remembered', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene, { colorScheme: 'dark' })
  const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const dark = await ground()
  await page.getByRole('button', { name: 'Colours: auto' }).click()
  const light = await ground()
  t.not(light, dark)
  await page.getByRole('button', { name: 'Colours: light' }).click()
  await page.getByRole('button', { name: 'Colours: dark' }).waitFor()
  t.equal(await ground(), dark)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.reload()
  await page.getByRole('button', { name: 'Colours: dark' }).waitFor()
  t.equal(await ground(), dark)
})

t.test('from 360 pixels to 4k nothing is wider than the window, whatever is written there', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene)
  await traffic(scene)
  await scene.ask(`/${'long'.repeat(1_500)}`, { fields: [`x-long: ${'y'.repeat(3_000)}`] })
  await openRow(page, '/longlong')
  for (const [width, height] of [
    [360, 640],
    [768, 1_024],
    [1_280, 800],
    [3_840, 2_160],
  ] as const) {
    await page.setViewportSize({ width, height })
    const sizes = (await page.evaluate(
      `[document.documentElement.scrollWidth, document.documentElement.scrollHeight]`,
    )) as number[]
    t.strictSame(sizes, [width, height], `${width} × ${height}`)
    t.ok(await page.getByRole('button', { name: 'close' }).isVisible())
  }
  await page.setViewportSize({ width: 360, height: 640 })
  await screenshot(t, page, 'page-narrow')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'health' }).click()
  await page.getByRole('heading', { name: 'Routes' }).waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
})

t.test('who asked for less motion gets none', options, async t => {
  const scene = await openScene(t)
  await scene.ask('/orders/1')
  const { page } = await openPage(t, scene, { reducedMotion: 'reduce' })
  await page.locator('.fill').first().waitFor({ state: 'attached' })
  const moving = `[...document.querySelectorAll('*')].filter(at => parseFloat(getComputedStyle(at).transitionDuration) > 0).length`
  t.equal(await page.evaluate(moving), 0)
})

t.test('a browser that lets the page keep nothing shows it all the same', options, async t => {
  const scene = await openScene(t)
  const page = await openWindow(t, { colorScheme: 'light' })
  await page.addInitScript(`Object.defineProperty(window, 'localStorage', {
    get: () => { throw new DOMException('denied', 'SecurityError') },
  })`)
  await page.goto(`${scene.origin}/`)
  await page.getByText('ready', { exact: true }).waitFor({ timeout: 5_000 })
  await page.getByRole('button', { name: 'Colours: auto' }).click()
  await page.getByRole('button', { name: 'Colours: light' }).waitFor()
})
