import { readdirSync } from 'node:fs'
import { openFilesLimit } from '../config/open-files-limit.js'
import type { Clock } from '../time/clock.js'
import type { Family, Sample } from './exposition.js'

/** The process as Prometheus' client libraries tell of it; what a platform does not say is left out. */
export function* processMetrics(clock: Clock): Iterable<Family> {
  const { user, system } = process.cpuUsage()
  const memory = memoryUsage()
  const { active } = performance.eventLoopUtilization()
  yield counter('process_cpu_user_seconds_total', 'Processor time in user mode.', user / 1e6)
  yield counter('process_cpu_system_seconds_total', 'Processor time in the kernel.', system / 1e6)
  yield counter('process_cpu_seconds_total', 'Processor time, both together.', (user + system) / 1e6)
  yield gauge(
    'process_start_time_seconds',
    'When the process started, Unix time.',
    clock.now() / 1e3 - process.uptime(),
  )
  yield gauge('process_resident_memory_bytes', 'Memory that the process holds.', memory?.rss)
  yield gauge('process_open_fds', 'Open file descriptors.', countOpenFiles())
  yield gauge('process_max_fds', 'How many file descriptors may be open.', openFilesLimit())
  yield gauge('nodejs_heap_size_total_bytes', "Size of the program's heap.", memory?.heapTotal)
  yield gauge('nodejs_heap_size_used_bytes', 'How much of the heap is in use.', memory?.heapUsed)
  yield gauge('nodejs_external_memory_bytes', 'Memory outside the heap that objects in it hold.', memory?.external)
  yield counter('nodejs_eventloop_active_seconds_total', 'Time in which the event loop had work.', active / 1e3)
}

const counter = (name: string, help: string, value: number): Family => ({
  name,
  help,
  type: 'counter',
  samples: [{ labels: {}, value }],
})

const gauge = (name: string, help: string, value: number | undefined): Family => ({
  name,
  help,
  type: 'gauge',
  samples: value === undefined ? [] : ([{ labels: {}, value }] satisfies Sample[]),
})

/** Linux tells in a file, and there may be none left to open. */
function memoryUsage(): NodeJS.MemoryUsage | undefined {
  try {
    return process.memoryUsage()
  } catch {
    return undefined
  }
}

/** Linux tells; the listing itself holds one of them. */
function countOpenFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
