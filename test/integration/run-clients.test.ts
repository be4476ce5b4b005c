import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { proveClient, type RunClient } from '../support/run-clients.js'

const GO = `package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
  for _, url := range os.Args[1:] {
    answer, err := http.Get(url)
    if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
    body, _ := io.ReadAll(answer.Body)
    fmt.Println(string(body))
  }
}
`
const JAVA = `import java.net.*; import java.net.http.*;
public class Ask { public static void main(String[] urls) throws Exception {
  for (String url : urls) {
    if (System.getenv("OLD") != null) System.out.println(new String(new URL(url).openStream().readAllBytes()));
    else System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body());
  }
} }
`
const PYTHON = {
  urllib: 'import sys, urllib.request as r\nfor u in sys.argv[1:]: print(r.urlopen(u).read().decode())',
  requests: 'import sys, requests\nfor u in sys.argv[1:]: print(requests.get(u).text)',
  httpx: 'import sys, httpx\nfor u in sys.argv[1:]: print(httpx.get(u).text)',
  aiohttp: `import sys, asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        for u in sys.argv[1:]: print(await (await session.get(u)).text())
asyncio.run(main())`,
} as const
const PERL = 'my $a = LWP::UserAgent->new(env_proxy => 1); print $a->get($_)->decoded_content, "\\n" for @ARGV'
const PHP = `array_shift($argv); foreach ($argv as $url) {
  $c = curl_init($url); curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
  echo curl_exec($c), curl_error($c), "\\n";
}`

const file = (folder: string, name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** The first interpreter that has the module: the system's own has what the system packages bring. */
function python(module: keyof typeof PYTHON): RunClient {
  const has = (path: string) => spawnSync(path, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0
  const path = ['python3', '/usr/bin/python3'].find(has) ?? 'python3'
  return {
    name: `Python ${module}`,
    probe: [path, '-c', `import ${module}`],
    command: () => [path, '-c', PYTHON[module]],
  }
}

const buildGo = (folder: string): string => {
  const program = join(folder, 'ask')
  spawnSync('go', ['build', '-o', program, file(folder, 'ask.go', GO)], { stdio: 'inherit' })
  return program
}

const CLIENTS: readonly RunClient[] = [
  { name: 'curl', probe: ['curl', '--version'], command: () => ['curl', '-sS'] },
  { name: 'wget', probe: ['wget', '--version'], command: () => ['wget', '-qO-', '--tries=1'] },
  python('urllib'),
  python('requests'),
  python('httpx'),
  python('aiohttp'),
  { name: 'Go', probe: ['go', 'version'], command: folder => [buildGo(folder)], sparesLoopback: true },
  {
    name: 'Java HttpClient',
    probe: ['java', '-version'],
    command: folder => ['java', file(folder, 'Ask.java', JAVA)],
    flags: ['--no-auth'],
  },
  {
    name: 'Java HttpURLConnection',
    probe: ['java', '-version'],
    command: folder => ['env', 'OLD=1', 'java', file(folder, 'Ask.java', JAVA)],
    flags: ['--no-auth'],
  },
  {
    name: 'Ruby Net::HTTP',
    probe: ['ruby', '--version'],
    command: () => ['ruby', '-rnet/http', '-e', 'ARGV.each { |url| puts Net::HTTP.get(URI(url)) }'],
    sparesLoopback: true,
  },
  { name: 'PHP curl', probe: ['php', '-r', 'curl_version();'], command: () => ['php', '-r', PHP, '--'] },
  {
    name: 'Perl LWP',
    probe: ['perl', '-MLWP::Protocol::https', '-e', '1'],
    command: () => ['perl', '-MLWP::UserAgent', '-e', PERL],
  },
]

for (const client of CLIENTS) {
  test(`FP-26: ${client.name} gets its second shot through mulligan run, and an opaque tunnel stays opaque`, t =>
    proveClient(t, client))
}
