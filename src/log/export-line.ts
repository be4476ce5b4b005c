import type { Log } from './log.js'

/** Says when spans begin to fail, and when they go through again: not each time, a collector may be away for long. */
export function exportRecorder({ logger }: Pick<Log, 'logger'>): (why: string | undefined) => void {
  return why => {
    if (why === undefined) logger.info('spans are exported again')
    else logger.warn({ error: why }, 'spans cannot be exported')
  }
}
