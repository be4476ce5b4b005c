import { type FSWatcher, unwatchFile, watch, watchFile } from 'node:fs'
import { dirname } from 'node:path'
import type { Cancel, Clock } from '../time/clock.js'
import { type Millis, millis } from '../time/units.js'

/** A writer that empties a file before it writes is let finish, and a busy folder costs one look per span. */
const SETTLE = millis(50)

/**
 * Runs `task` when the file may have changed, and often when it has not. The folder is watched: a mounted Kubernetes
 * volume changes by renaming the folder's `..data` link, and a watch on the file itself stays with the old one. What
 * sends no events (a network mount, a link to elsewhere, a folder made later) is noticed by looking every `pollEvery`.
 * Keeps no process alive, but for `SETTLE` after a change. @returns ends that
 */
export function onFileChange(path: string, clock: Clock, pollEvery: Millis, task: () => void): Cancel {
  let watcher: FSWatcher | undefined
  let settling: Cancel | undefined
  const stir = () => {
    settling ??= clock.schedule(SETTLE, () => {
      settling = undefined
      task()
    })
  }
  const listen = () => {
    watcher?.close()
    watcher = watchFolder(dirname(path), stir)
  }
  // Anew each time: the folder may be another one of the same name.
  const polled = () => {
    listen()
    stir()
  }
  listen()
  watchFile(path, { persistent: false, interval: pollEvery }, polled)
  return () => {
    unwatchFile(path, polled)
    watcher?.close()
    settling?.()
  }
}

/** `undefined` when the folder is not there, or the system has no watches left. */
function watchFolder(folder: string, stir: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, stir)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
