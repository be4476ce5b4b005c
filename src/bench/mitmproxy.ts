import { join } from 'node:path'
import type { Sandbox } from '../child/sandbox.js'
import { findProgram, type LocalServer, startProgram } from './local-server.js'

/**
 * The peer: mitmproxy at its fastest, without output and with HTTP/1.1 only. `undefined` where it is not installed.
 * @param roots the authority that it trusts for upstreams @returns also `ca`, its own authority
 */
export async function startMitmproxy(
  sandbox: Sandbox,
  roots: string,
  launcher: readonly string[],
): Promise<(LocalServer & { readonly ca: string }) | undefined> {
  const program = findProgram(['mitmdump'], '--version')
  if (program === undefined) return undefined
  const folder = join(sandbox.folder, 'mitmproxy')
  const args = (port: number) => mitmproxyArguments(folder, port, roots)
  const server = await startProgram(sandbox, program, args, launcher)
  return { ...server, ca: mitmproxyAuthority(folder) }
}

/** @param folder where it keeps its own authority, in `mitmproxyAuthority` */
export function mitmproxyArguments(folder: string, port: number, roots: string): string[] {
  const settings = [
    `confdir=${folder}`,
    `ssl_verify_upstream_trusted_ca=${roots}`,
    // It dials when a request comes, as mulligan does.
    'connection_strategy=lazy',
    'flow_detail=0',
    'http2=false',
  ]
  return [
    ...['--quiet', '--listen-host', '127.0.0.1', '--listen-port', String(port)],
    ...settings.flatMap(setting => ['--set', setting]),
  ]
}

export const mitmproxyAuthority = (folder: string): string => join(folder, 'mitmproxy-ca-cert.pem')
