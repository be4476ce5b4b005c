import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { formatAuthority } from '../../src/http/authority.js'

const run = promisify(execFile)

/** Asks `https://HOST/` through a proxy for each host. */
export type TlsClient = {
  readonly name: string
  /** What tells that it is installed. */
  readonly probe: readonly [command: string, ...args: string[]]
  /** Hosts that it fails for before a certificate comes into it. */
  readonly cannotAsk: readonly string[]
  readonly heedsConstraints: boolean
  /** Gives `ok`, or what it complains of, by host. @param dir for files of its own */
  readonly visit: (port: number, caFile: string, hosts: readonly string[], dir: string) => Promise<Map<string, string>>
}

/** tap's own loader is none of their business, and a proxy of this machine neither. */
export const clientEnv = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }

const urlOf = (host: string): string => `https://${formatAuthority({ host, port: 443 }, 443)}/`

/** One process per host; its output, or its complaint. */
const each = (command: (port: number, caFile: string, host: string) => readonly string[]): TlsClient['visit'] => {
  return async (port, caFile, hosts) => {
    const seen = new Map<string, string>()
    for (const host of hosts) {
      const [file = '', ...args] = command(port, caFile, host)
      const child = run(file, args, { env: clientEnv })
      child.child.stdin?.end('GET / HTTP/1.0\r\n\r\n')
      const said = await child.then(
        ({ stdout }) => (/^ok$/m.test(stdout) ? 'ok' : `no answer: ${stdout}`),
        (error: { stderr: string; stdout: string }) => `${error.stderr}${error.stdout}`,
      )
      seen.set(host, said)
    }
    return seen
  }
}

/** One process for all hosts: they are its arguments, and it prints a line `HOST TAB RESULT` for each. */
const all = (command: (dir: string) => readonly string[]): TlsClient['visit'] => {
  return async (port, caFile, hosts, dir) => {
    const [file = '', ...args] = command(dir)
    const { stdout } = await run(file, [...args, String(port), caFile, ...hosts], {
      env: { ...clientEnv, GOCACHE: dir, TMPDIR: dir },
    })
    const lines = stdout.trim().split('\n')
    return new Map(lines.map(line => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]))
  }
}

const PYTHON = `
import socket, ssl, sys
port, ca, hosts = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT

def visit(host):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        name = "[" + host + "]" if ":" in host else host
        plain.sendall(f"CONNECT {name}:443 HTTP/1.1\\r\\nHost: {name}:443\\r\\n\\r\\n".encode())
        plain.recv(1000)
        with context.wrap_socket(plain, server_hostname=host) as secure:
            secure.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            return secure.recv(1000).decode().splitlines()[-1]

for host in hosts:
    try:
        print(host, visit(host), sep="\\t")
    except Exception as error:
        print(host, repr(error), sep="\\t")
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
)

func main() {
	pem, _ := os.ReadFile(os.Args[2])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	proxy := &url.URL{Scheme: "http", Host: "127.0.0.1:" + os.Args[1]}
	client := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyURL(proxy),
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	for _, host := range os.Args[3:] {
		name := host
		if strings.Contains(host, ":") {
			name = "[" + host + "]"
		}
		answer, err := client.Get("https://" + name + "/")
		if err != nil {
			fmt.Printf("%s\\t%v\\n", host, err)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		fmt.Printf("%s\\t%s\\n", host, strings.TrimSpace(string(body)))
	}
}
`

const JAVA = `
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

class Visit {
  public static void main(String[] args) throws Exception {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (var file = new FileInputStream(args[1])) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    var proxy = ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    var client = HttpClient.newBuilder().proxy(proxy).sslContext(context).build();
    for (int i = 2; i < args.length; i++) {
      var name = args[i].contains(":") ? "[" + args[i] + "]" : args[i];
      try {
        var request = HttpRequest.newBuilder(URI.create("https://" + name + "/")).build();
        System.out.println(args[i] + "\\t" + client.send(request, BodyHandlers.ofString()).body().trim());
      } catch (Exception error) {
        System.out.println(args[i] + "\\t" + error);
      }
    }
  }
}
`

/** Writes a source file into the folder and gives its path. */
function source(dir: string, name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

const PROPER = { cannotAsk: [], heedsConstraints: true } as const

export const TLS_CLIENTS: readonly TlsClient[] = [
  {
    name: 'curl',
    ...PROPER,
    probe: ['curl', '--version'],
    visit: each((port, ca, host) => [
      ...['curl', '-sS', '-g', '--max-time', '10', '-x', `http://127.0.0.1:${port}`],
      ...['--cacert', ca, urlOf(host)],
    ]),
  },
  {
    name: 'openssl s_client, strict',
    ...PROPER,
    probe: ['openssl', 'version'],
    visit: each((port, ca, host) => [
      ...['openssl', 's_client', '-proxy', `127.0.0.1:${port}`, '-connect', formatAuthority({ host, port: 443 })],
      ...['-CAfile', ca, '-x509_strict', '-verify_return_error', '-quiet', '-ign_eof'],
      ...(/[:]|^[\d.]+$/.test(host) ? ['-verify_ip', host] : ['-verify_hostname', host, '-servername', host]),
    ]),
  },
  {
    name: 'wget',
    ...PROPER,
    probe: ['wget', '--version'],
    visit: each((port, ca, host) => [
      ...['wget', '-q', '-O', '-', '--tries=1', '--timeout=10', '-e', `https_proxy=http://127.0.0.1:${port}/`],
      ...['--no-config', '--no-hsts', `--ca-certificate=${ca}`, '-S', urlOf(host)],
    ]),
  },
  {
    name: 'Python ssl, strict',
    ...PROPER,
    probe: ['python3', '--version'],
    visit: all(() => ['python3', '-c', PYTHON]),
  },
  {
    name: 'Go',
    ...PROPER,
    probe: ['go', 'version'],
    visit: all(dir => ['go', 'run', source(dir, 'visit.go', GO)]),
  },
  {
    name: 'Java',
    // HttpClient takes no URI with an underscore, and puts an IPv6 address into the server name indication.
    cannotAsk: ['a_b.example.com', '::1', '2001:db8::7'],
    heedsConstraints: false,
    probe: ['java', '--version'],
    visit: all(dir => ['java', source(dir, 'Visit.java', JAVA)]),
  },
]

/** Whether a program answers at all. */
export const isInstalled = ([command, ...args]: TlsClient['probe']): Promise<boolean> =>
  run(command, args, { env: clientEnv }).then(
    () => true,
    () => false,
  )
