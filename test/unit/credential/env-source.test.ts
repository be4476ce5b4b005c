import t from 'tap'
import { envSource } from '../../../src/credential/env-source.js'
import { ManualClock } from '../../support/clock.js'

const { signal } = new AbortController()
const clock = new ManualClock()

t.test('a token in a variable is read at each question', async t => {
  const env: Record<string, string> = { TOKEN: 'one\n' }
  const source = envSource('TOKEN', env, clock)
  t.strictSame(await source.fetch(signal), { token: 'one', expiresAt: undefined })
  env['TOKEN'] = 'two'
  t.strictSame(await source.fetch(signal), { token: 'two', expiresAt: undefined })
  t.equal(source.description, 'environment variable TOKEN')
})

t.test('T8: a variable that holds no token fails for good, says its name, and no value', async t => {
  const expired = `x.${Buffer.from('{"exp":1}').toString('base64url')}.canary`
  const cases: [string | undefined, RegExp][] = [
    [undefined, /^environment variable TOKEN is not set$/],
    ['', /^environment variable TOKEN is empty$/],
    [' \n', /^environment variable TOKEN is empty$/],
    ['canary\ncanary', /^environment variable TOKEN gave more than one line/],
    [expired, /^environment variable TOKEN gave a token that ended at 1970-01-01/],
  ]
  for (const [value, message] of cases) {
    const failure: unknown = await envSource('TOKEN', { TOKEN: value }, clock)
      .fetch(signal)
      .catch(error => error)
    t.match(failure, { name: 'SourceError', permanent: true, message })
    t.notMatch(String((failure as Error).stack), /canary/)
  }
})
