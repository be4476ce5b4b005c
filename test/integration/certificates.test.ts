import { execFile, spawn } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { domainToASCII } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { canonicalAddress } from '../../src/certificate/certified-names.js'
import { leafIssuer } from '../../src/certificate/issue.js'
import { createCa, type LocalCa, openCa, readCa } from '../../src/certificate/local-ca.js'
import { systemClock } from '../../src/time/clock.js'
import { seeded } from '../support/random.js'
import { clientEnv, isInstalled } from '../support/tls-clients.js'

const run = promisify(execFile)
const HOUR = 3_600_000
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const life = () => ({ notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR })

const openssl = (await isInstalled(['openssl', 'version'])) ? {} : { skip: 'openssl is not installed' }

/** What `openssl verify` prints for the files, `NAME: OK` where it is satisfied. */
async function verified(anchor: string, files: readonly string[]): Promise<string> {
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', anchor, ...files]
  const { stdout, stderr } = await run('openssl', args, { maxBuffer: 2 ** 26 }).catch(
    (error: { stdout: string; stderr: string }) => error,
  )
  return stdout + stderr
}

test(
  'FP-22: a widened authority vouches for old hosts to old anchors, and for new ones to its own only',
  openssl,
  async t => {
    const dir = t.testdir({ state: {} })
    const { ca: old } = await openCa(join(dir, 'state', 'x'), ['a.test', '10.0.0.1'], systemClock)
    const { ca } = await openCa(join(dir, 'state', 'x'), ['*.b.test', '::1'], systemClock)
    const issue = leafIssuer(ca.pem, ca.key, publicKey)
    const anchors = { old: old.pem, widened: ca.pem }
    for (const [name, pem] of Object.entries(anchors)) writeFileSync(join(dir, `${name}.pem`), pem)
    const rows: [string, 'both' | 'widened' | 'neither'][] = [
      ['a.test', 'both'],
      ['x.a.test', 'both'],
      ['10.0.0.1', 'both'],
      ['x.b.test', 'widened'],
      ['::1', 'widened'],
      ['xa.test', 'neither'],
      ['c.test', 'neither'],
      ['10.0.0.2', 'neither'],
      ['::2', 'neither'],
    ]
    for (const [host, good] of rows) {
      const leaf = join(dir, 'leaf.pem')
      writeFileSync(leaf, issue(host, life()))
      const satisfied = async (name: string) =>
        (await verified(join(dir, `${name}.pem`), [leaf])).endsWith('leaf.pem: OK\n')
      t.equal(await satisfied('old'), good === 'both', `${host} by the old anchor`)
      t.equal(await satisfied('widened'), good !== 'neither', `${host} by the widened one`)
    }
  },
)

/** Calls a function of local-ca.js in a process of its own, when told to. */
function openLater(call: string) {
  const url = new URL('../../src/certificate/local-ca.js', import.meta.url).href
  const clock = new URL('../../src/time/clock.js', import.meta.url).href
  const script = `
    import { once } from 'node:events'
    import * as ca from '${url}'
    import { systemClock } from '${clock}'
    await import(new URL('./issue.js', '${url}'))
    process.stdout.write('.')
    await once(process.stdin, 'data')
    const done = await ca.${call}
    process.stdout.write(JSON.stringify({ hosts: (done.ca ?? done).hosts, pem: (done.ca ?? done).pem }))
    process.exit(0)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: clientEnv,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ready = new Promise(resolve => child.stdout.once('readable', resolve))
  return {
    ready,
    go: async () => {
      child.stdin.write('go')
      return JSON.parse((await text(child.stdout)).slice(1)) as Pick<LocalCa, 'hosts' | 'pem'>
    },
  }
}

const keyOf = ({ pem }: Pick<LocalCa, 'pem'>) =>
  new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' })

async function race(calls: readonly string[]) {
  const processes = calls.map(openLater)
  await Promise.all(processes.map(({ ready }) => ready))
  return Promise.all(processes.map(({ go }) => go()))
}

test('FP-21: processes that start at once end with one pair, good for the hosts of all', async t => {
  for (let round = 0; round < 3; round++) {
    const state = join(t.testdir({}), `state-${round}`)
    const names = ['a.test', 'b.test', 'c.test', 'd.test']
    const opened = await race(names.map(name => `openCa('${state}', ['${name}'], systemClock)`))
    const final = readCa(state)
    t.strictSame(final?.hosts, names)
    for (const [i, one] of opened.entries()) {
      t.equal(keyOf(one), final && keyOf(final))
      t.ok(one.hosts?.includes(names[i] ?? ''))
    }
    t.strictSame(readdirSync(state).sort(), ['ca.key', 'ca.pem'])
  }
})

test('rotations and starts at once leave a pair that fits, and no draft', async t => {
  const state = join(t.testdir({}), 'state')
  await openCa(state, ['a.test'], systemClock)
  const open = `openCa('${state}', ['a.test'], systemClock)`
  const rotate = `rotateCa('${state}', ['a.test'], systemClock)`
  const made = await race([rotate, open, rotate, open])
  const final = readCa(state)
  t.ok(made.some(one => one.pem === final?.pem))
  t.ok(final && new X509Certificate(final.pem).publicKey.equals(createPublicKey(final.key)))
  t.strictSame(readdirSync(state).sort(), ['ca.key', 'ca.pem', 'ca.pem.old'])
})

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const WORDS = ['bücher', 'пример', '例え', 'مثال', 'δοκιμή', 'straße', 'उदाहरण', 'ñandú']

/** A host as it comes out of a request target: a DNS name of up to 253 octets, or an address. */
function randomHost(random: () => number): string {
  const below = (n: number) => Math.floor(random() * n)
  const run = (length: number) => Array.from({ length }, () => LETTERS[below(36)]).join('')
  const label = () => {
    const kind = below(20)
    if (kind === 0) return run(63)
    if (kind === 1) return domainToASCII(`${WORDS[below(WORDS.length)]}${run(2)}`)
    return kind === 2 ? `${run(3)}_${run(2)}` : kind === 3 ? `${run(2)}-${run(3)}` : run(1 + below(20))
  }
  const kind = below(10)
  if (kind === 0) return Array.from({ length: 4 }, () => below(256)).join('.')
  if (kind === 1) {
    return canonicalAddress(
      Array.from({ length: 8 }, () => (below(3) === 0 ? 0 : below(65_536)).toString(16)).join(':'),
    )
  }
  const labels = ['test']
  const most = kind === 2 ? 253 : 20 + below(100)
  for (let next = label(); labels.join('.').length + next.length + 1 <= most; next = label()) labels.unshift(next)
  // As long as a name may be, to the octet.
  const room = 253 - labels.join('.').length - 1
  if (kind === 2 && room > 0 && room <= 63) labels.unshift(run(room))
  return labels.join('.')
}

const GO = `package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

func main() {
	anchor, _ := os.ReadFile("ca.pem")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(anchor)
	names, _ := os.ReadFile("names")
	rest, _ := os.ReadFile("all.pem")
	good := 0
	for _, name := range strings.Split(string(names), "\\n") {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err == nil {
			_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		}
		if err != nil {
			fmt.Println(name, err)
			continue
		}
		good++
	}
	fmt.Println(good)
}
`

/** Certificates for random hosts, on disk one by one and in one piece. */
async function mintMany(t: Test, count: number) {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const dir = t.testdir({ leaves: {}, go: {} })
  const ca = await createCa(undefined, systemClock)
  const issue = leafIssuer(ca.pem, ca.key, publicKey)
  const made = Array.from({ length: count }, (_, i) => {
    const host = randomHost(random)
    const pem = issue(host, life())
    const file = join(dir, 'leaves', `${i}.pem`)
    writeFileSync(file, pem)
    return { host, pem, file }
  })
  writeFileSync(join(dir, 'ca.pem'), ca.pem)
  writeFileSync(join(dir, 'all.pem'), made.map(({ pem }) => pem).join(''))
  writeFileSync(join(dir, 'names'), made.map(({ host }) => (host.includes(':') ? `[${host}]` : host)).join('\n'))
  writeFileSync(join(dir, 'verify.go'), GO)
  return { dir, ca, made }
}

test('ten thousand random hosts get certificates that Node, OpenSSL and Go take', async t => {
  const { dir, ca, made } = await mintMany(t, 10_000)
  const authority = new X509Certificate(ca.pem)
  const bad = made.filter(({ host, pem }) => {
    const leaf = new X509Certificate(pem)
    const named = isIP(host) === 0 ? leaf.checkHost(host) === host : leaf.checkIP(host) === host
    return !(named && leaf.checkIssued(authority) && leaf.verify(authority.publicKey))
  })
  t.strictSame(bad, [], 'Node')
  const lengths = made.filter(({ host }) => host.length === 253).length
  t.comment(
    `Node: ${made.length - bad.length} verified; ${lengths} names of 253 octets, ${made.filter(({ host }) => host.includes('xn--')).length} internationalized, ${made.filter(({ host }) => isIP(host)).length} addresses`,
  )
  if (openssl.skip === undefined) {
    let good = 0
    for (let i = 0; i < made.length; i += 1_000) {
      const files = made.slice(i, i + 1_000).map(({ file }) => file)
      good += (await verified(join(dir, 'ca.pem'), files)).match(/: OK$/gm)?.length ?? 0
    }
    t.equal(good, made.length)
    t.comment(`openssl verify -x509_strict: ${good} verified`)
  } else t.comment('not checked with openssl: it is not installed')
  if (await isInstalled(['go', 'version'])) {
    mkdirSync(join(dir, 'go', 'tmp'))
    const { stdout } = await run('go', ['run', 'verify.go'], {
      cwd: dir,
      env: { ...clientEnv, GOCACHE: join(dir, 'go') },
    })
    t.equal(stdout, `${made.length}\n`)
    t.comment(`Go: ${stdout.trim()} verified`)
  } else t.comment('not checked with Go: it is not installed')
})
