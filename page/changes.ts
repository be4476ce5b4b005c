import { useEffect, useState } from 'preact/hooks'

/** Tells those who watch that something has changed: once a frame at most, and in hidden pages not at all. */
export class Changes {
  readonly #watchers = new Set<() => void>()
  #frame = 0

  /** @returns ends it */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  readonly tell = (): void => {
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      for (const watcher of this.#watchers) watcher()
    })
  }
}

/** Draws the component anew after each change. */
export function useChanges(changes: Changes): void {
  const [, draw] = useState(0)
  useEffect(() => changes.watch(() => draw(n => n + 1)), [changes])
}
