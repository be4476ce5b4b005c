import { test } from 'tap'
import { openFilesLimit } from '../../../src/config/open-files-limit.js'
import { mostConnections } from '../../../src/listener/open-files.js'

test('T16: all listeners together take connections for half of the open files at most', t => {
  t.equal(mostConnections(10_000, 1_048_576), 10_000)
  t.equal(mostConnections(10_000, 20_000), 10_000)
  t.equal(mostConnections(10_000, 1_024), 512)
  t.equal(mostConnections(10_000, 1), 1, 'never none')
  t.equal(mostConnections(10_000, undefined), 10_000, 'where the system does not say')
  t.end()
})

test('T16: the limit of open files is read where Linux tells it', {
  skip: process.platform !== 'linux' && 'only Linux tells it',
}, t => {
  t.ok((openFilesLimit() ?? 0) >= 256)
  t.end()
})
