/** Where a mount stands, on both sides. */
export type MountPoint = {
  /** `/openai` */
  readonly prefix: string
  /** The upstream's `https://host[:port]`, default port left out. */
  readonly origin: string
  /** The upstream's base path; empty for the root. */
  readonly basePath: string
}

/**
 * `Location` and `Content-Location` that point into the mounted upstream, rewritten to stay on the mount (FP-25):
 * otherwise a redirect would lead the client around the proxy. Other origins and other paths stay as they are.
 */
export function rewriteLocations(fields: string[], mount: MountPoint): string[] {
  return fields.map((value, i) => {
    if (i % 2 === 0) return value
    const name = (fields[i - 1] as string).toLowerCase()
    return name === 'location' || name === 'content-location' ? rewriteLocation(value, mount) : value
  })
}

function rewriteLocation(location: string, { prefix, origin, basePath }: MountPoint): string {
  const path = location.toLowerCase().startsWith(`${origin}/`) ? location.slice(origin.length) : location
  if (!path.startsWith('/') || path.startsWith('//')) return location
  if (path !== basePath && !path.startsWith(`${basePath}/`)) return location
  return prefix + path.slice(basePath.length)
}
