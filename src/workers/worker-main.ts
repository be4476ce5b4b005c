import cluster from 'node:cluster'

/**
 * A worker's process. A terminal signals all processes at once: which of them ends when is for the primary to say. And
 * its end does not end us before what runs is done.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => undefined)
if (cluster.worker) cluster.worker.exitedAfterDisconnect = true

const { serveAsWorker } = await import('./worker-engine.js')
serveAsWorker(process)
