/** Finds secrets in lines of output, in any of the forms that text takes on its way. */
export class SecretScan {
  readonly #forms: readonly string[]
  #partial = ''
  found = 0

  constructor(secrets: readonly string[]) {
    this.#forms = secrets.flatMap(formsOf)
  }

  feed(chunk: Buffer): void {
    const text = this.#partial + chunk.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    this.#partial = text.slice(end)
    const lines = text.slice(0, end)
    for (const form of this.#forms) this.found += lines.split(form).length - 1
  }
}

/** As it is, in hex, and in base64 wherever in a longer text it stands. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'latin1')
  const base64 = [0, 1, 2].map(shift => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // Characters at both ends mix its bits with its neighbours'.
    return text.slice(shift === 0 ? 0 : shift + 1, -1)
  })
  const forUrls = base64.map(text => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [...new Set([secret, bytes.toString('hex'), ...base64, ...forUrls])]
}
