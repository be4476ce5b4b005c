import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import type { Config } from '../../src/config/config.js'
import { formatListenAddress } from '../../src/config/listen-address.js'
import { parseConfig } from '../../src/config/load.js'
import { packageRoot } from '../../src/config/package-root.js'
import { rawExchange } from '../support/client.js'
import { QUICK, startTestDaemon } from '../support/daemon.js'

const pathOf = (name: string): string => fileURLToPath(new URL(name, packageRoot()))
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8')
const configOf = (name: string, text = textOf(name)): Config => parseConfig(name, text, { HOME: '/nowhere' }, {}).config

const portOf = (address: Config['listen']['admin']): number => (address?.kind === 'tcp' ? address.port : 0)
const proxyOf = ({ listen }: Config): string => `http://${listen.proxy.map(formatListenAddress).join()}`
const drainOf = ({ shutdown }: Config): number => shutdown.drain / 1_000

type Mount = { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }
type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }
type Container = {
  readonly name: string
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly restartPolicy?: string
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly volumeMounts: readonly Mount[]
}
type Pod = {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly initContainers: readonly [Container]
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly defaultMode: number } }[]
}

t.test('Dockerfile: what it copies is there, and is let into the build', t => {
  const ignored = textOf('.dockerignore').split('\n')
  t.equal(ignored[0], '*', 'nothing gets in that is not named')
  const copied = [...textOf('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) =>
    names.split(' '),
  )
  t.ok(copied.length >= 6, 'they were found')
  for (const name of copied) {
    t.ok(existsSync(pathOf(name)), `${name} exists`)
    t.ok(ignored.includes(`!${name}`), `${name} is let in`)
  }
  t.end()
})

t.test('Dockerfile: ports, user and health check are those of its configuration', t => {
  const text = textOf('Dockerfile')
  const config = configOf('examples/container.yaml')
  t.match(text, new RegExp(`^EXPOSE ${portOf(config.listen.proxy[0])}$`, 'm'))
  t.match(text, `http://127.0.0.1:${portOf(config.listen.admin)}/healthz`)
  t.match(text, /^USER \d+:\d+$/m, 'a number, so that Kubernetes can tell that it is not root')
  t.match(text, /^ENTRYPOINT \["node", /m, 'no shell between the signals and the daemon')
  const volume = /^VOLUME (\S+)$/m.exec(text)?.[1] ?? 'none'
  t.ok(config.state.startsWith(`${volume}/`), 'its state is in the volume, in a folder that it makes itself')
  t.end()
})

t.test('compose.yaml: the app changes nothing but its environment, and the sidecar gets time to drain', t => {
  const config = configOf('examples/sidecar.yaml')
  const { services, secrets } = parse(textOf('examples/compose.yaml'))
  const { app, mulligan } = services
  t.equal(app.environment.HTTP_PROXY, proxyOf(config))
  t.equal(app.environment.http_proxy, proxyOf(config))
  t.equal(app.network_mode, 'service:mulligan')
  t.strictSame(app.depends_on, { mulligan: { condition: 'service_healthy' } })
  t.strictSame([mulligan.read_only, mulligan.tmpfs, mulligan.cap_drop], [true, ['/tmp'], ['ALL']])
  t.match(mulligan.healthcheck.test[3], `http://127.0.0.1:${portOf(config.listen.admin)}/readyz`)
  t.ok(Number.parseInt(mulligan.stop_grace_period, 10) > drainOf(config))
  const files = [
    ...mulligan.volumes
      .map((volume: string) => volume.split(':')[0] ?? '')
      .filter((source: string) => source.startsWith('.')),
    ...Object.values<{ file: string }>(secrets ?? {}).map(({ file }) => file),
  ]
  for (const file of files) t.ok(existsSync(pathOf(`examples/${file}`)), `${file} is there as it ships`)
  t.end()
})

t.test('kubernetes.yaml: a native sidecar whose configuration, ports, probes and mounts fit together', t => {
  const [map, deployment] = parseAllDocuments(textOf('examples/kubernetes.yaml')).map(document => document.toJS())
  const yaml: string = map.data['mulligan.yaml']
  const config = configOf('kubernetes.yaml', yaml)
  const pod: Pod = deployment.spec.template.spec
  const [sidecar] = pod.initContainers
  const [app] = pod.containers
  t.equal(sidecar.restartPolicy, 'Always', 'what makes it a sidecar')
  const ports = Object.fromEntries(sidecar.ports.map(({ name, containerPort }) => [name, containerPort]))
  t.strictSame(ports, { proxy: portOf(config.listen.proxy[0]), admin: portOf(config.listen.admin) })
  const probed = [sidecar.startupProbe, sidecar.readinessProbe, sidecar.livenessProbe].map(({ httpGet }) => httpGet)
  t.strictSame(
    probed,
    ['/readyz', '/readyz', '/healthz'].map(path => ({ path, port: 'admin' })),
  )
  t.match(config.listen.admin, { host: '0.0.0.0' }, 'the kubelet probes the address of the pod')
  t.match(config.listen.proxy, [{ host: '127.0.0.1' }], 'nobody but the pod uses the proxy')
  for (const name of ['HTTP_PROXY', 'http_proxy'])
    t.equal(app.env.find(variable => variable.name === name)?.value, proxyOf(config), name)

  t.strictSame(
    sidecar.volumeMounts.map(({ name }) => name),
    pod.volumes.map(({ name }) => name),
  )
  const at = (name: string) => sidecar.volumeMounts.find(mount => mount.name === name)?.mountPath
  t.ok(config.state.startsWith(`${at('state')}/`))
  t.equal(at('config'), '/etc/mulligan', 'where the command of the image reads it')
  t.match(textOf('Dockerfile'), '"/etc/mulligan/mulligan.yaml"')
  t.match(yaml, `file: ${at('secrets')}/vendor-token`)
  t.equal(pod.volumes.find(({ secret }) => secret !== undefined)?.secret?.defaultMode, 0o400)

  const hook = app.lifecycle?.preStop.sleep.seconds ?? 0
  t.ok(pod.terminationGracePeriodSeconds > hook + drainOf(config), 'the drain has its time after the hook')
  t.notOk(sidecar.lifecycle, 'a hook of the sidecar would end it before the app')
  t.match(pod.securityContext, { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } })
  const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  for (const container of [sidecar, app]) t.match(container.securityContext, restricted, container.name)
  t.end()
})

t.test(
  'an admin port beyond loopback answers probes by address, and no name that a page could have rebound',
  async t => {
    const { daemon, close } = await startTestDaemon(QUICK, '127.0.0.1:0', process.env, '0.0.0.0:0')
    t.teardown(close)
    const probe = (host: string) =>
      rawExchange(portOf(daemon.admin), `GET /readyz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    t.match(await probe('10.1.2.3:8403'), /^HTTP\/1\.1 200 /)
    t.match(await probe('[fd00::1]:8403'), /^HTTP\/1\.1 200 /)
    t.match(await probe('pod.example.com:8403'), /^HTTP\/1\.1 403 /)
  },
)

t.test('mulligan.service: systemd finds nothing wrong with it, and it gives the drain its time', t => {
  const text = textOf('examples/mulligan.service')
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]
  t.ok(Number(value('TimeoutStopSec')) > drainOf(configOf('default', 'routes: []\n')))
  t.match(value('Type'), 'notify')
  t.equal(value('NotifyAccess'), 'all', 'what speaks is a child of the daemon')
  const verify = spawnSync('systemd-analyze', ['verify', '--man=no', pathOf('examples/mulligan.service')])
  if (verify.error) t.comment('not verified: systemd-analyze is not on this machine')
  else t.strictSame([verify.status, String(verify.stderr)], [0, ''])
  t.end()
})

t.test('sidecar-run.sh says what it needs, and knows the drain of its configuration', t => {
  const path = pathOf('examples/sidecar-run.sh')
  t.match(textOf('examples/sidecar-run.sh'), `\nDRAIN=${drainOf(configOf('examples/sidecar.yaml'))} `)
  const { status, stderr } = spawnSync('/bin/bash', [path], { env: { PATH: '/nowhere' }, encoding: 'utf8' })
  t.equal(status, 2)
  t.match(stderr, /^not on this machine: buildah podman runc \(/)
  t.end()
})
