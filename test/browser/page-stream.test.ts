import type { Page } from 'playwright-core'
import t from 'tap'
import { NO_BROWSER, screenshot } from '../support/browser.js'
import { hourWith } from '../support/hour.js'
import { clickRow, openPage, openScene } from '../support/page-scene.js'
import { openShop } from '../support/x402/shop.js'

const options = { skip: NO_BROWSER, timeout: 90_000 }

const row = (page: Page, text: string) => page.locator('.rows .row').filter({ hasText: text })
const urls = async (page: Page): Promise<string[]> =>
  (await page.locator('.rows .cell-url').allTextContents()).map(url => new URL(url).pathname)

/** Where a row is now: asked and measured in one breath, for elements change rows. */
const topOf = (page: Page, text: string): Promise<number | undefined> =>
  page.locator('.rows').evaluate((rows, text) => {
    const row = [...rows.children].find(({ textContent }) => textContent?.includes(text))
    return row?.getBoundingClientRect().top
  }, text)

/** What is scrolled is drawn anew in the frame behind. */
const drawn = (page: Page) =>
  page.evaluate('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')

/** The list as it is after at most 300 frames, when it is not as wanted before. */
async function settled(page: Page, wanted: readonly string[]): Promise<string[]> {
  for (let frames = 0; frames < 300; frames++) {
    const now = await urls(page)
    if (now.join() === wanted.join()) return now
    await page.evaluate('new Promise(requestAnimationFrame)')
  }
  return urls(page)
}

t.test('what ended before the page was opened is on it, and what ends later joins on top', options, async t => {
  const scene = await openScene(t)
  await scene.ask('/before')
  const { page, complaints } = await openPage(t, scene)
  await row(page, '/before').waitFor()
  await scene.ask('/missing')
  await row(page, '/missing').waitFor()
  t.strictSame(await urls(page), ['/missing', '/before'])
  t.equal(await row(page, '/missing').locator('.cell-status').textContent(), '404')
  t.equal(await row(page, '/missing').getAttribute('aria-rowindex'), '2')
  await page.reload()
  await row(page, '/before').waitFor()
  t.strictSame(await urls(page), ['/missing', '/before'], 'each is there once')
  t.strictSame(complaints, { said: [], left: [] })
})

t.test(
  'an exchange opens into its attempts: phases, waits, and the reason of each decision in words',
  options,
  async t => {
    const shop = await openShop(t)
    const scene = await openScene(t, { shop: shop.server.port })
    const { page, complaints } = await openPage(t, scene)
    await scene.ask('/limited/1')
    await scene.ask('/model/1', { fields: ['Authorization: Bearer of-the-client', 'Accept: text/plain'] })
    await scene.ask(`http://127.0.0.1:${shop.server.port}/paid`)
    await scene.ask('/orders/1', { method: 'POST', body: '{}' })
    const opened: readonly (readonly [string, readonly RegExp[]])[] = [
      [
        '/limited/1',
        [
          /1\. 429/,
          /repeated: the upstream says when/,
          /retry sleep/,
          /Retry-After: 1/,
          /2\. 200/,
          /given to the client/,
        ],
      ],
      ['/model/1', [/1\. 401/, /there is a new token/, /token refresh/, /asked for another token/, /2\. 200/]],
      ['/paid', [/1\. 402/, /the payment that the 402 asks for/, /pay/, /paid0\.01 USDC/, /2\. 200/]],
      ['/orders/1', [/1\. 503/, /key[\da-f]+…/, /safe while its key is honoured/, /connection reused/]],
    ]
    for (const [path, words] of opened) {
      await clickRow(page, path)
      const details = page.getByRole('region', { name: 'Exchange' })
      await details.getByRole('heading', { level: 2 }).filter({ hasText: path }).waitFor()
      const text = (await details.textContent()) ?? ''
      for (const word of words) t.match(text, word, `${path}: ${word}`)
      const kinds = await details.locator('.track .bar').evaluateAll(bars => bars.map(bar => bar.className))
      for (const kind of ['wait', ...(path === '/limited/1' ? ['sleep', 'connect'] : [])]) {
        t.ok(kinds.includes(`bar ${kind}`), `${path}: there is a bar for ${kind}`)
      }
    }
    await clickRow(page, '/model/1')
    const fields = page.locator('.fields')
    await fields.getByText('text/plain').waitFor()
    t.match(await fields.textContent(), /Authorization\[redacted\]/)
    t.notMatch(await page.content(), /of-the-client/)
    await screenshot(t, page, 'page-exchange')
    t.strictSame(complaints, { said: [], left: [] })
  },
)

t.test('the filter shows what its words, terms and chips say, for what comes as well', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene)
  for (const path of ['/a', '/missing/b', '/flaky/c']) await scene.ask(path)
  await row(page, '/flaky/c').waitFor()
  const filter = page.getByRole('searchbox', { name: 'Filter' })
  const shows = async (text: string, expected: string[]) => {
    await filter.fill(text)
    const count = expected.length === 3 ? /^3$/ : new RegExp(`^${expected.length} of 3$`)
    await page.locator('.count', { hasText: count }).waitFor()
    t.strictSame(await settled(page, expected), expected, text)
  }
  await shows('status:4xx', ['/missing/b'])
  await shows('-status:4xx why:status', ['/flaky/c'])
  await shows('nowhere', [])
  t.equal(await page.locator('.empty').textContent(), 'No exchange passes the filter.')
  await shows('', ['/flaky/c', '/missing/b', '/a'])
  await page.getByRole('button', { name: 'repeated' }).click()
  await page.getByRole('button', { name: 'repeated', pressed: true }).waitFor()
  await page.locator('.count', { hasText: /^1 of 3$/ }).waitFor()
  await scene.ask('/d')
  await scene.ask('/flaky/e')
  await row(page, '/flaky/e').waitFor()
  t.strictSame(await urls(page), ['/flaky/e', '/flaky/c'])
})

t.test('a pause holds the list still, counts what came, and shows it in the end', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene)
  await scene.ask('/a')
  await row(page, '/a').waitFor()
  await page.getByRole('button', { name: 'pause' }).click()
  for (const path of ['/b', '/c']) await scene.ask(path)
  const resume = page.getByRole('button', { name: 'resume (2 new)' })
  await resume.waitFor()
  t.strictSame(await urls(page), ['/a'])
  await resume.click()
  await row(page, '/c').waitFor()
  t.strictSame(await urls(page), ['/c', '/b', '/a'])
})

t.test('a row that somebody looks at stays where it is while others come', options, async t => {
  const scene = await openScene(t)
  const { page } = await openPage(t, scene)
  for (let n = 0; n < 100; n++) await scene.ask(`/first/${n}`)
  await row(page, '/first/99').waitFor()
  await clickRow(page, '/first/95')
  await page.getByRole('button', { name: 'copy as curl' }).waitFor()
  await drawn(page)
  const before = await topOf(page, '/first/95')
  for (let n = 0; n < 30; n++) await scene.ask(`/second/${n}`)
  await page.locator('.count', { hasText: /^130$/ }).waitFor()
  await drawn(page)
  t.type(before, 'number')
  t.equal(await topOf(page, '/first/95'), before)
})

t.test('the panels tell routes with and without us, tokens, breakers, and spend against limits', options, async t => {
  await hourWith(30_000)
  const shop = await openShop(t)
  const scene = await openScene(t, { shop: shop.server.port })
  await scene.ask('/orders/1')
  await scene.ask('/orders/1')
  await scene.ask('/model/1')
  for (let n = 0; n < 4; n++) await scene.ask('/down/1')
  await scene.ask(`http://127.0.0.1:${shop.server.port}/paid`)
  const { page, complaints } = await openPage(t, scene)
  const panel = (name: string) => page.getByRole('region', { name })
  const orders = panel('Routes').locator('li').filter({ hasText: 'orders' })
  await orders.getByText('2 requests · 3 attempts · 1 rescued').waitFor()
  t.match(await orders.textContent(), /with us100 %without50\.0 %/)
  await panel('Credentials').getByText('valid').waitFor()
  t.match(await panel('Credentials').textContent(), /vendor.*token [\da-f]{8} · no\. 2 · ends in (59|60) min|1 h/)
  await panel('Breakers and gates').getByText('next probe in').waitFor()
  t.match(await panel('Breakers and gates').textContent(), /open.*next probe in \d+ s/)
  await panel('Spend against limits').getByText('0.01 of 0.04 USDC').waitFor()
  await screenshot(t, page, 'page-panels')
  t.strictSame(complaints, { said: [], left: [] })
})
