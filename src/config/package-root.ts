import { existsSync, readFileSync } from 'node:fs'

/** The folder of package.json, as a URL with a slash at the end: compiled modules lie at different depths below it. */
export function packageRoot(): URL {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder)) && folder.pathname !== '/') folder = new URL('..', folder)
  return folder
}

/** The version of this package. */
export function packageVersion(): string {
  const data: unknown = JSON.parse(readFileSync(new URL('package.json', packageRoot()), 'utf8'))
  return typeof data === 'object' && data !== null && 'version' in data ? String(data.version) : 'unknown'
}
