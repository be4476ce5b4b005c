import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import root, { type Test } from 'tap'
import { packageRoot } from '../../src/config/package-root.js'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Nothing but what the page asks for, and no sandbox inside a container's own. */
const ARGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--js-flags=--expose-gc'],
]

const program = chromiumPath()

/** Why tests that need a browser are skipped; `false` where there is one. */
export const NO_BROWSER = program === undefined && `no ${NAMES.join(', ')} on the path`

let browser: Promise<Browser> | undefined

/** A window of its own in this machine's Chromium: one for all tests of a file, gone when they are over. */
export async function openWindow(t: Test, options: BrowserContextOptions): Promise<Page> {
  browser ??= launch()
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 800 }, ...options })
  t.teardown(() => context.close())
  return context.newPage()
}

async function launch(): Promise<Browser> {
  if (program === undefined) throw new Error('a test without a browser must skip')
  // tap's loader is for node programs; the browser's own helpers are none.
  const env = { ...process.env, NODE_OPTIONS: '' }
  const launched = await chromium.launch({ executablePath: program, args: ARGS, env })
  root.teardown(() => launched.close())
  return launched
}

function chromiumPath(): string | undefined {
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  return NAMES.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Kept after the run, where nobody commits it. @returns the file, for the test's output */
export async function screenshot(t: Test, page: Page, name: string): Promise<void> {
  const path = `${fileURLToPath(packageRoot())}.artefacts/${name}.png`
  await page.screenshot({ path })
  t.comment(`screenshot: ${path}`)
}
