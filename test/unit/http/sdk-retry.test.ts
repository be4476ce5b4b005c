import t from 'tap'
import { isClientRepeat } from '../../../src/http/sdk-retry.js'

t.test('R11: a repeat made by an SDK is recognised by its own count', t => {
  const rows: [string[], boolean][] = [
    [[], false],
    [['x-stainless-retry-count', '0'], false],
    [['X-Stainless-Retry-Count', '1'], true],
    [['x-stainless-retry-count', ' 12 '], true],
    [['x-stainless-retry-count', '-1'], false],
    [['x-stainless-retry-count', 'one'], false],
    [['amz-sdk-request', 'attempt=1; max=3'], false],
    [['amz-sdk-request', 'attempt=2; max=3'], true],
    [['Amz-Sdk-Request', 'ttl=20260101T000000Z; attempt=3; max=3'], true],
    [['amz-sdk-request', 'reattempt=3'], false],
    [['grpc-previous-rpc-attempts', '0'], false],
    [['grpc-previous-rpc-attempts', '1'], true],
  ]
  for (const [fields, expected] of rows) t.equal(isClientRepeat(fields), expected, fields.join(': '))
  t.end()
})
