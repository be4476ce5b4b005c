import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Missing } from '../clients/client.js'
import { nodeVersion, RUNTIMES, type Runtime } from '../clients/node-clients.js'
import { bareEnv, probe } from '../clients/probe.js'
import { configuration } from '../clients/trial.js'
import { ANSWER, startVendor, type Vendor } from '../clients/vendor.js'
import { portOf, startProcess } from '../support/daemon-process.js'
import { shortDir } from '../support/short-dir.js'

const execute = promisify(execFile)

for (const runtime of RUNTIMES) {
  t.test(`on Node ${runtime.major} the daemon starts, intercepts HTTP/1.1 and h2, repeats and stops`, async t => {
    const missing = await whatIsMissing(runtime)
    if (missing !== undefined) return t.plan(0, missing)
    const folder = shortDir(t)
    const vendor = await startVendor(folder)
    t.teardown(vendor.close)
    const daemon = await startOn(t, runtime, vendor, folder)
    const curl = async (path: string, ...options: string[]) => {
      const shape = ['-w', '\n%{http_code} %{http_version}', '--max-time', '20']
      const trust = ['--cacert', join(daemon.state, 'ca.pem'), '-x', `http://127.0.0.1:${daemon.port}`]
      const args = ['-sS', ...options, ...shape, ...trust, `https://api.vendor.test${path}`]
      const { stdout } = await execute('curl', args, { env: bareEnv(folder) })
      const end = stdout.lastIndexOf('\n')
      return { intact: stdout.slice(0, end) === ANSWER, said: stdout.slice(end + 1) }
    }
    t.strictSame(await curl('/get', '--http1.1'), { intact: true, said: '200 1.1' }, 'HTTP/1.1')
    t.strictSame(await curl('/needs', '--http2'), { intact: true, said: '200 2' }, 'h2')
    t.strictSame(await curl('/flaky', '--http2'), { intact: true, said: '200 2' }, '503, then 200')
    t.strictSame(await curl('/limited', '--http1.1'), { intact: true, said: '200 1.1' }, 'Retry-After')
    t.strictSame(
      vendor.arrivals.map(({ cell }) => cell),
      ['get', 'needs', 'flaky', 'flaky', 'limited', 'limited'],
    )
    t.equal(await daemon.stop(), 0, 'it stops in peace')
  })
}

async function whatIsMissing(runtime: Runtime): Promise<string | undefined> {
  try {
    t.comment(await nodeVersion(runtime), await probe(['curl', '--version']))
    return undefined
  } catch (error) {
    if (error instanceof Missing) return error.message
    throw error
  }
}

async function startOn(t: Test, { binary }: Runtime, vendor: Vendor, folder: string) {
  const [config, root, state] = [join(folder, 'm.yaml'), join(folder, 'root.pem'), join(folder, 'state')]
  writeFileSync(root, vendor.root)
  writeFileSync(config, configuration(vendor.proxy, root))
  const daemon = startProcess(t, ['-c', config, '--listen', '127.0.0.1:0', '--state', state], {}, binary)
  const port = portOf(await daemon.said('ready'))
  const stop = () => {
    daemon.kill('SIGTERM')
    return daemon.exit
  }
  return { port, state, stop }
}
