/** All of them, or those of a list, in their own order. @throws for a name that none of them has */
export function chosen<T extends string>(option: string, text: string | undefined, all: readonly T[]): readonly T[] {
  if (text === undefined) return all
  const names = text === 'none' ? [] : text.split(',')
  const unknown = names.filter(name => !all.some(one => one === name))
  if (unknown.length > 0) throw new Error(`--${option}: no ${unknown.join(', ')}; there are ${all.join(', ')}`)
  return all.filter(one => names.includes(one))
}

/** What is being done: on a terminal one line that changes; elsewhere a line for each stage. */
export class Progress {
  #stage = ''

  readonly say = (text: string, share: number): void => {
    const [now = ''] = text.split(':')
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text} (${Math.floor(share * 100)}% of this part)`)
    else if (now !== this.#stage) process.stderr.write(`${now}\n`)
    this.#stage = now
  }
}
