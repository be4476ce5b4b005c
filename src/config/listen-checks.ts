import type { Config, ListenAddress } from './config.js'
import { errorAt, type Finding, warningAt } from './findings.js'
import { formatListenAddress, isLocal } from './listen-address.js'

/**
 * Who can connect, and where. Without a password or a list of networks only this machine may: anything else is an
 * open relay, so it does not start.
 */
export function checkListen(listen: Config['listen']): Finding[] {
  const findings: Finding[] = []
  const guarded = listen.auth !== undefined || listen.allow_from.length > 0
  const open = (path: PropertyKey[], address: ListenAddress) => {
    if (guarded || isLocal(address)) return
    const what = `${formatListenAddress(address)} can be reached from other machines`
    findings.push(errorAt(path, `${what}: set listen.auth or listen.allow_from, or listen on 127.0.0.1`))
  }
  for (const [index, address] of listen.proxy.entries()) open(listPath(listen.proxy, index), address)
  if (listen.mounts !== 'same') open(['listen', 'mounts'], listen.mounts)
  if (listen.admin !== undefined && !isLocal(listen.admin)) {
    findings.push(warningAt(['listen', 'admin'], `the admin port can be reached from other machines: ${ADMIN_TELLS}`))
  }
  const everybody = listen.allow_from.findIndex(network => network.endsWith('/0'))
  if (everybody >= 0 && addresses(listen).some(address => !isLocal(address))) {
    const message = `${listen.allow_from[everybody]} lets every machine in without a password; name the networks of the clients, or set listen.auth alone`
    findings.push(warningAt(['listen', 'allow_from', everybody], message))
  }
  if (listen.auth !== undefined && 'literal' in listen.auth.password) {
    const message = 'a secret in the file itself; write {env: NAME}, {file: PATH} or {exec: [program]}'
    findings.push({ ...warningAt(['listen', 'auth', 'password'], message), masked: true })
  }
  return [...findings, ...checkClashes(listen)]
}

const ADMIN_TELLS =
  'whoever reaches it reads which requests pass here, changes alone need the token; use 127.0.0.1 or unix:/path'

const addresses = ({ proxy, mounts }: Config['listen']): readonly ListenAddress[] =>
  mounts === 'same' ? proxy : [...proxy, mounts]

/** Two listeners cannot have one address; port 0 is a new one each time. */
function checkClashes(listen: Config['listen']): Finding[] {
  const used = new Map<string, string>()
  const all: [PropertyKey[], ListenAddress | undefined][] = [
    ...listen.proxy.map((address, index): [PropertyKey[], ListenAddress] => [listPath(listen.proxy, index), address]),
    [['listen', 'admin'], listen.admin],
    [['listen', 'mounts'], listen.mounts === 'same' ? undefined : listen.mounts],
  ]
  return all.flatMap(([path, address]) => {
    if (address === undefined || (address.kind === 'tcp' && address.port === 0)) return []
    const name = formatListenAddress(address)
    const other = used.get(name)
    used.set(name, path.join('.'))
    return other === undefined
      ? []
      : [errorAt(path, `${name} is taken by ${other}; each listener needs its own address`)]
  })
}

/** The file may name one address without a list. */
const listPath = (list: readonly unknown[], index: number): PropertyKey[] =>
  list.length === 1 ? ['listen', 'proxy'] : ['listen', 'proxy', index]
