import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Sandbox } from '../child/sandbox.js'

export type Call = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  /** Seconds until the client gives up. */
  readonly patience: number
}

/** What the client program made of it. */
export type Reply = {
  /** 0 when there was none. */
  readonly status: number
  readonly body: string
  /** The program ended happily: the answer came, and came whole. */
  readonly whole: boolean
}

/** An unmodified HTTP client; all it learns of mulligan is the variable `http_proxy`. */
export type Client = {
  readonly name: string
  readonly call: (sandbox: Sandbox, call: Call, proxy: string | undefined) => Promise<Reply>
}

/** The client of that name; curl where there is one, else Node, when none is named. */
export function findClient(name: 'curl' | 'node' | undefined): Client | undefined {
  if (name === 'node') return nodeClient()
  const curl = curlClient()
  return name === 'curl' ? curl : (curl ?? nodeClient())
}

function curlClient(): Client | undefined {
  const { stdout, status } = spawnSync('curl', ['-q', '--version'], { encoding: 'utf8' })
  if (status !== 0) return undefined
  // -q: what somebody's .curlrc says about retries must not change the picture.
  const fixed = ['-q', '--silent', '--write-out', '\n%{http_code}']
  return {
    name: stdout.split(' ', 2).join(' '),
    call: (sandbox, { method, url, patience }, proxy) => {
      const data = method === 'POST' ? ['--data', 'quantity=1'] : []
      const args = [...fixed, '--max-time', String(patience), '--request', method, ...data, url]
      return runClient(sandbox, 'curl', args, proxy)
    },
  }
}

function nodeClient(): Client {
  const script = fileURLToPath(new URL('./node-client.js', import.meta.url))
  return {
    name: `node ${process.versions.node}`,
    call: (sandbox, { method, url, patience }, proxy) =>
      runClient(sandbox, process.execPath, [script, method, url, String(patience)], proxy),
  }
}

/** Both print the body, and the status on a line of its own behind it. */
async function runClient(sandbox: Sandbox, program: string, args: string[], proxy: string | undefined): Promise<Reply> {
  const none = { NO_PROXY: '', no_proxy: '', ALL_PROXY: '', all_proxy: '' }
  const env = { ...process.env, ...none, http_proxy: proxy ?? '' }
  const child = sandbox.spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const gone = once(child, 'close')
  let text = ''
  for await (const chunk of child.stdout as Readable) text += String(chunk)
  const [code] = (await gone) as [number | null]
  const at = text.lastIndexOf('\n')
  return { status: Number(text.slice(at + 1)), body: text.slice(0, Math.max(at, 0)), whole: code === 0 }
}
