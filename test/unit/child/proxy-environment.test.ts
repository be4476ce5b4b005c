import { test } from 'tap'
import { proxyEnvironment } from '../../../src/child/proxy-environment.js'

const TRUST = {
  ca: '/t/ca.pem',
  added: '/t/added.pem',
  bundle: '/t/bundle.pem',
  javaStore: '/t/store.jks',
  wgetrc: '/t/wgetrc',
  php: '/t/php',
}
type Input = Parameters<typeof proxyEnvironment>[0]
const make = (input: Partial<Input> = {}): Record<string, string> =>
  Object.fromEntries(
    proxyEnvironment({
      proxyUrl: 'http://h:1',
      asksPassword: false,
      trust: TRUST,
      loopback: false,
      parent: {},
      ...input,
    }),
  )

const PRELOAD = /^--require \S+\/src\/child\/node-preload\.cjs$/

test('FP-26: every variable that sends a program through the proxy and lets it trust the CA', t => {
  const names = (value: string, ...list: string[]) => Object.fromEntries(list.map(name => [name, value]))
  t.match(make(), {
    ...names('http://h:1', 'http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'),
    ...names('localhost,127.0.0.1,::1', 'no_proxy', 'NO_PROXY'),
    ...names('/t/bundle.pem', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'),
    ...names('/t/bundle.pem', 'CARGO_HTTP_CAINFO', 'AWS_CA_BUNDLE', 'PERL_LWP_SSL_CA_FILE', 'npm_config_cafile'),
    ...names('/t/added.pem', 'NODE_EXTRA_CA_CERTS', 'DENO_CERT'),
    NODE_USE_ENV_PROXY: '1',
    NODE_OPTIONS: PRELOAD,
    WGETRC: '/t/wgetrc',
    PHP_INI_SCAN_DIR: ':/t/php',
  })
  t.end()
})

test('without interception there is no CA variable', t => {
  t.same(Object.keys(make({ trust: undefined })).sort(), [
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'JAVA_TOOL_OPTIONS',
    'NODE_OPTIONS',
    'NODE_USE_ENV_PROXY',
    'NO_PROXY',
    'http_proxy',
    'https_proxy',
    'no_proxy',
  ])
  t.end()
})

test("FP-26: the parent's NO_PROXY stays, but for what would undo the proxy", t => {
  const rows: [parent: Record<string, string>, loopback: boolean, expected: string][] = [
    [{ NO_PROXY: 'a.test, .b.test 10.0.0.0/8' }, false, 'a.test,.b.test,10.0.0.0/8,localhost,127.0.0.1,::1'],
    [{ NO_PROXY: 'upper', no_proxy: 'lower' }, false, 'lower,localhost,127.0.0.1,::1'],
    [{ NO_PROXY: '*' }, false, 'localhost,127.0.0.1,::1'],
    [{ no_proxy: 'localhost,a.test' }, false, 'localhost,a.test,127.0.0.1,::1'],
    [{ no_proxy: 'LOCALHOST,a.test,127.0.0.1' }, true, 'a.test'],
    [{}, true, ''],
  ]
  for (const [parent, loopback, expected] of rows) t.equal(make({ parent, loopback })['no_proxy'], expected)
  t.end()
})

test('what is appended to a variable is appended once, and replaces an earlier one of ours', t => {
  const parent = {
    NODE_OPTIONS: '--max-old-space-size=99 --require "/old place/node-preload.cjs" --require ./mine.cjs',
    JAVA_TOOL_OPTIONS: '-Xmx1g "-Dkeep=a b" -Dhttp.proxyHost=old -Djavax.net.ssl.trustStore="/o ld"',
    PHP_INI_SCAN_DIR: '/etc/php:/t/php',
    NO_PROXY: 'a.test',
  }
  const once = make({ parent })
  t.match(once['NODE_OPTIONS'], /^--max-old-space-size=99\s+--require \.\/mine\.cjs --require \S+node-preload\.cjs$/)
  t.match(once['JAVA_TOOL_OPTIONS'], /^-Xmx1g "-Dkeep=a b" -Dhttp\.proxyHost=h -Dhttp\.proxyPort=1 /)
  t.notMatch(once['JAVA_TOOL_OPTIONS'], /old|\/o ld/)
  t.equal(once['PHP_INI_SCAN_DIR'], '/etc/php:/t/php')
  t.same(make({ parent: once }), once, 'evaluated twice it is the same')
  t.end()
})

test('Java gets the proxy as properties, in its own words', t => {
  const parent = { no_proxy: 'a.test,.b.test,*.c.test:8080,10.1.0.0/16,10.0.0.0/9,192.168.1.1,fe80::1' }
  t.equal(
    make({ parent, proxyUrl: 'http://[::1]:8402' })['JAVA_TOOL_OPTIONS'],
    '-Dhttp.proxyHost=::1 -Dhttp.proxyPort=8402 -Dhttps.proxyHost=::1 -Dhttps.proxyPort=8402 ' +
      '-Dhttp.nonProxyHosts=a.test|*.a.test|*.b.test|*.c.test|10.1.*|192.168.1.1|[fe80::1]|localhost|*.localhost|127.0.0.1|[::1] ' +
      '-Djavax.net.ssl.trustStore=/t/store.jks -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword=changeit',
  )
  t.match(
    make({ trust: { ...TRUST, javaStore: '/my t/s' } })['JAVA_TOOL_OPTIONS'],
    ' -Djavax.net.ssl.trustStore="/my t/s" ',
  )
  t.match(make({ loopback: true })['JAVA_TOOL_OPTIONS'], / -Dhttp\.nonProxyHosts= /)
  t.equal(make({ asksPassword: true })['JAVA_TOOL_OPTIONS'], undefined, 'it cannot send a password: left alone')
  t.end()
})
