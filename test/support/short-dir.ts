import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A directory with a path short enough for unix sockets, gone when the test is over. */
export function shortDir(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mg-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
