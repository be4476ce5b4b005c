import t from 'tap'
import { patientFetch } from '../../../src/cli/patient-fetch.js'
import { directFetch } from '../../../src/credential/direct-fetch.js'
import { millis, seconds } from '../../../src/time/units.js'
import { answer, startUpstream } from '../../support/upstream.js'

const INIT = { method: 'POST', headers: {}, body: new URLSearchParams({ a: 'b' }), redirect: 'manual' } as const
const fetch = directFetch(undefined)

t.test('a server that says nothing, or stops in the middle, is given up in time', async t => {
  const upstream = await startUpstream(({ path }, socket) => {
    if (path === '/half') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    return undefined
  })
  t.teardown(upstream.close)
  const impatient = patientFetch(fetch, millis(100))
  await t.rejects(impatient(`${upstream.url}/none`, INIT), { code: 'ETIMEDOUT' })
  // On a busy machine its head may be late as well.
  const begun = (): Promise<Response> => impatient(`${upstream.url}/half`, INIT).catch(begun)
  const half = await begun()
  await t.rejects(half.text())
})

t.test('an answer in time is given as it is, and giving up from outside is no lateness', async t => {
  const over = new AbortController()
  const upstream = await startUpstream(({ path }) => {
    if (path === '/good') return answer(200, 'yes')
    over.abort()
    return undefined
  })
  t.teardown(upstream.close)
  const patient = patientFetch(fetch, seconds(60))
  t.equal(await (await patient(`${upstream.url}/good`, INIT)).text(), 'yes')
  await t.rejects(patient(upstream.url, { ...INIT, signal: over.signal }), { name: 'AbortError' })
})
