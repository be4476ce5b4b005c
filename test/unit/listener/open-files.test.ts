import { test } from 'tap'
import { openFilesLimit } from '../../../src/config/open-files-limit.js'
import { connectionLimits } from '../../../src/listener/open-files.js'

test('T16: all listeners together take connections for half of the open files at most', t => {
  t.strictSame(connectionLimits(10_000, 1_048_576), { served: 10_000, accepted: 10_256 })
  t.strictSame(connectionLimits(10_000, 20_000), { served: 10_000, accepted: 10_000 })
  t.strictSame(connectionLimits(10_000, 1_024), { served: 448, accepted: 512 })
  t.strictSame(connectionLimits(10_000, 256), { served: 112, accepted: 128 })
  t.strictSame(connectionLimits(10_000, 1), { served: 1, accepted: 1 }, 'never none')
  t.strictSame(connectionLimits(4, undefined), { served: 4, accepted: 5 }, 'where the system does not say')
  t.end()
})

test('T16: the limit of open files is read where Linux tells it', {
  skip: process.platform !== 'linux' && 'only Linux tells it',
}, t => {
  t.ok((openFilesLimit() ?? 0) >= 256)
  t.end()
})
