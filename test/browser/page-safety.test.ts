import { gzipSync } from 'node:zlib'
import t from 'tap'
import { NO_BROWSER } from '../support/browser.js'
import { clickRow, getText, openPage, openScene } from '../support/page-scene.js'
import { answer } from '../support/upstream.js'

const options = { skip: NO_BROWSER, timeout: 60_000 }

const MARKUP = '<img/src=x/onerror=alert(1)><script>alert(2)</script>'

t.test('markup of clients, upstreams and the configuration is text on the page, and nothing else', options, async t => {
  const scene = await openScene(t, {
    script: () => answer(503, MARKUP, `Retry-After: ${MARKUP}`, `RateLimit: "${MARKUP}"`),
  })
  const { page, complaints } = await openPage(t, scene)
  let dialogs = 0
  page.on('dialog', dialog => {
    dialogs++
    void dialog.dismiss()
  })
  await scene.ask(`/evil/${MARKUP}`, { fields: [`user-agent: ${MARKUP}`, `x-${'<b>'.length}: ${MARKUP}`] })
  await clickRow(page, '/evil/')
  await page.locator('.fields').getByText(MARKUP).waitFor()
  t.match(await page.locator('.waterfall').textContent(), `Retry-After: ${MARKUP}`)
  t.match(await page.getByRole('region', { name: 'Routes' }).textContent(), '/evil/<svg/onload=alert(1)>/**')
  await page.getByRole('searchbox').fill(MARKUP)
  await page.locator('.rows .row').waitFor()
  t.equal(await page.locator('img, script:not([src]), svg, b b').count(), 0, 'no element came of it')
  t.equal(dialogs, 0)
  t.strictSame(complaints, { said: [], left: [] })
})

t.test('the page asks nobody but its own daemon, and its policy would not let it', options, async t => {
  const scene = await openScene(t)
  const { page, complaints } = await openPage(t, scene)
  const response = await page.reload()
  const policy = response?.headers()['content-security-policy'] ?? ''
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]) {
    t.match(policy, rule)
  }
  t.notMatch(policy, /unsafe|\*/)
  t.strictSame(complaints, { said: [], left: [] })
  const refused = await page.evaluate(
    `fetch('http://127.0.0.1:${scene.upstream.port}/').then(() => 'sent', () => 'refused')`,
  )
  t.equal(refused, 'refused')
  t.strictSame(scene.upstream.seen, [])
  let bytes = 0
  for (const name of ['', 'page/app.js', 'page/app.css', 'page/icon.svg']) {
    const text = await getText(`${scene.origin}/${name}`)
    bytes += gzipSync(text).length
    t.strictSame(
      text.match(/(?:https?:)?\/\/(?!www\.w3\.org\/)[a-z\d.-]+\.[a-z]{2,}/g),
      null,
      `${name || '/'} names no other host`,
    )
  }
  t.ok(bytes < 60_000, `${bytes} bytes over the wire`)
})
