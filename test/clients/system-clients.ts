import { join } from 'node:path'
import { type Client, Missing } from './client.js'
import { compile, PROGRAMS, probe, versionIn } from './probe.js'

const PROXY = 'https_proxy'
const COMMON = { api: 'https://api.vendor.test', without: [], sendsFile: true, runOptions: [] } as const

/** A program of the system, driven by a script. */
const shell = (program: string, options = ''): Client['prepare'] => {
  return async () => ({
    command: ['env', `CURL_OPTIONS=${options}`, 'sh', join(PROGRAMS, `${program}.sh`)],
    version: `${program} ${versionIn(await probe([program, '--version']))}`,
  })
}

/** An interpreter, and what it says about itself if it has what the script needs. */
const script = (interpreter: string, file: string, ...tell: string[]): Client['prepare'] => {
  return async () => ({
    version: await probe([interpreter, ...tell]),
    command: [interpreter, join(PROGRAMS, file)],
  })
}

/** The first Python that has the module: a machine may have one of its own before Debian's. */
const python = (module: string): Client['prepare'] => {
  return async folder => {
    const label = module === 'urllib.request' ? '' : `f"${module} {${module}.__version__}, " + `
    const tell = `import ${module}, sys; print(${label}f"Python {sys.version.split()[0]}")`
    const file = `${module.replace('.request', '')}-client.py`
    try {
      return await script('python3', file, '-c', tell)(folder)
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      return script('/usr/bin/python3', file, '-c', tell)(folder)
    }
  }
}

const java = (main: string): Client['prepare'] => {
  return async folder => {
    const version = `Java ${versionIn(await probe(['javac', '-version']))}`
    const classes = join(folder, main)
    await compile(['javac', '-d', classes, `${main}.java`, 'Cells.java'], PROGRAMS)
    return { version, command: ['java', '-cp', classes, main] }
  }
}

const go: Client['prepare'] = async folder => {
  const version = `Go ${versionIn(await probe(['go', 'version'], folder))}`
  const program = join(folder, 'go-client')
  await compile(['go', 'build', '-o', program, 'client.go'], PROGRAMS)
  return { version, command: [program] }
}

const PHP_VERSIONS = 'echo "PHP ", PHP_VERSION, ", libcurl ", curl_version()["version"];'
const PERL_VERSIONS = 'printf "LWP %s, Perl %vd", $LWP::VERSION, $^V'

/** What Debian has, as it comes. */
export const SYSTEM_CLIENTS: readonly Client[] = [
  { ...COMMON, name: 'curl', prepare: shell('curl'), needs: [PROXY, 'CURL_CA_BUNDLE'] },
  { ...COMMON, name: 'curl --http1.1', prepare: shell('curl', '--http1.1'), needs: [PROXY, 'CURL_CA_BUNDLE'] },
  { ...COMMON, name: 'wget', prepare: shell('wget'), needs: [PROXY, 'WGETRC'] },
  {
    ...COMMON,
    name: 'git clone',
    prepare: shell('git'),
    without: ['upload', 'events'],
    needs: [PROXY, 'GIT_SSL_CAINFO'],
  },
  { ...COMMON, name: 'Python urllib', prepare: python('urllib.request'), needs: [PROXY, 'SSL_CERT_FILE'] },
  { ...COMMON, name: 'Python requests', prepare: python('requests'), needs: [PROXY, 'REQUESTS_CA_BUNDLE'] },
  { ...COMMON, name: 'Python httpx', prepare: python('httpx'), needs: [PROXY, 'SSL_CERT_FILE'] },
  { ...COMMON, name: 'Python aiohttp', prepare: python('aiohttp'), needs: [PROXY, 'SSL_CERT_FILE'] },
  { ...COMMON, name: 'Go net/http', prepare: go, needs: [PROXY, 'SSL_CERT_FILE'] },
  {
    ...COMMON,
    name: 'Java HttpClient',
    prepare: java('HttpClientCells'),
    runOptions: ['--no-auth'],
    needs: ['JAVA_TOOL_OPTIONS'],
  },
  {
    ...COMMON,
    name: 'Java HttpsURLConnection',
    prepare: java('UrlConnectionCells'),
    runOptions: ['--no-auth'],
    needs: ['JAVA_TOOL_OPTIONS'],
  },
  {
    ...COMMON,
    name: 'Ruby Net::HTTP',
    prepare: script('ruby', 'client.rb', '-e', 'print "Ruby ", RUBY_VERSION'),
    needs: ['http_proxy', 'SSL_CERT_FILE'],
  },
  {
    ...COMMON,
    name: 'PHP curl',
    prepare: script('php', 'client.php', '-r', PHP_VERSIONS),
    needs: [PROXY, 'PHP_INI_SCAN_DIR'],
  },
  {
    ...COMMON,
    name: 'Perl LWP',
    prepare: script('perl', 'client.pl', '-MLWP', '-MLWP::Protocol::https', '-e', PERL_VERSIONS),
    needs: [PROXY, 'PERL_LWP_SSL_CA_FILE'],
  },
]
