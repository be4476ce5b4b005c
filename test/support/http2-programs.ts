import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { openTunnel } from './tunnel.js'

const run = promisify(execFile)

/** Neither tap's own loader nor a proxy of this machine is their business. */
const environment = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }

/** What a program prints. @throws with what it complains of */
export async function output(dir: string, ...command: string[]): Promise<string> {
  const [file = '', ...args] = command
  const env = { ...environment, GOCACHE: dir, TMPDIR: dir, GOFLAGS: '-mod=mod', GO111MODULE: 'off' }
  const { stdout } = await run(file, args, { env, timeout: 60_000, maxBuffer: 64 * 1_048_576 })
  return stdout
}

/** The first of several commands that succeeds, such as an interpreter with the modules that a test needs. */
export async function firstThatRuns(...commands: string[][]): Promise<string | undefined> {
  for (const [file = '', ...args] of commands) {
    const works = await run(file, args, { env: environment }).then(
      () => true,
      () => false,
    )
    if (works) return file
  }
  return undefined
}

/** A port whose connections are each led into a tunnel of their own: for programs that know no proxies. */
export async function startRelay(t: Test, proxy: number, authority: string): Promise<number> {
  const server = createServer(async client => {
    client.on('error', () => undefined)
    const { socket } = await openTunnel(proxy, authority)
    client.pipe(socket).pipe(client)
    socket.on('close', () => client.destroy())
    client.on('close', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

const HTTPX = `
import asyncio, httpx, sys

async def main(proxy, ca):
    async with httpx.AsyncClient(http2=True, proxies=proxy, verify=ca) as client:
        async def ask(i):
            answer = await client.post("https://api.test/" + str(i), content=b"body " + str(i).encode())
            return answer.http_version + " " + str(answer.status_code) + " " + answer.text
        for line in await asyncio.gather(*[ask(i) for i in range(50)]):
            print(line)

asyncio.run(main(sys.argv[1], sys.argv[2]))
`

const GO = `package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

func main() {
	pem, _ := os.ReadFile(os.Args[2])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	proxy, _ := url.Parse(os.Args[1])
	client := &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyURL(proxy),
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
		MaxConnsPerHost:   1,
	}}
	lines := make([]string, 50)
	var group sync.WaitGroup
	for i := range lines {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			text := fmt.Sprintf("body %d", i)
			answer, err := client.Post(fmt.Sprintf("https://api.test/%d", i), "text/plain", strings.NewReader(text))
			if err != nil {
				lines[i] = err.Error()
				return
			}
			body, _ := io.ReadAll(answer.Body)
			lines[i] = fmt.Sprintf("%s %d %s", answer.Proto, answer.StatusCode, body)
		}(i)
	}
	group.Wait()
	fmt.Println(strings.Join(lines, "\\n"))
}
`

/** Writes a source file into the folder and gives its path. */
function source(dir: string, name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

export const httpxSource = (dir: string): string => source(dir, 'many.py', HTTPX)
export const goSource = (dir: string): string => source(dir, 'many.go', GO)
