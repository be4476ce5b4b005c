import t from 'tap'
import { interceptHosts } from '../../../src/config/interception.js'
import { parseConfig } from '../../../src/config/load.js'
import { ConfigError } from '../../../src/config/problems.js'

const read = (yaml: string) => parseConfig('/etc/m.yaml', yaml, { HOME: '/home/u' })
const route = (body: string, match = '{ host: x.example }') =>
  `routes:\n  - name: a\n    match: ${match}\n    ${body.replaceAll('\n', '\n    ')}\n`
const settings = (yaml: string) => read(route(`idempotency: { ${yaml} }`)).config.routes[0]?.idempotency

t.test('what is left out of an idempotency block has the default of the reference', t => {
  t.strictSame(settings('upstream: replay'), {
    carrier: { kind: 'header', name: 'Idempotency-Key' },
    when: [],
    methods: ['POST', 'PATCH'],
    inject: undefined,
    from: [],
    upstream: 'replay',
    replay: undefined,
  })
  t.strictSame(settings('replay: {}')?.replay, {
    ttl: 86_400_000,
    in_flight: 'wait',
    body_max: 1_048_576,
    rate: { per_second: 60, burst: 300 },
    on_uncertain: 'auto',
    fingerprint: 'bytes',
    ignore: [],
    scope: [],
    store_4xx: [],
    on_5xx: 'uncertain',
    dialect: 'http',
  })
  for (const off of ['off', 'false']) {
    t.equal(settings(`upstream: replay, replay: ${off}, inject: ${off}`)?.replay, undefined)
    t.equal(read(route(`idempotency: ${off}`)).config.routes[0]?.idempotency, undefined)
  }
  t.equal(read(route('retry: {}')).config.routes[0]?.idempotency, undefined)
  t.strictSame(read(route('retry: {}')).config.routes[0]?.classify, [])
  t.end()
})

t.test('an idempotency block is read in full', t => {
  t.strictSame(
    settings(
      'json: /params/arguments/idempotency_key, when: [{ json: /method, equals: tools/call }, { json: "/a~1b", any: [1, null] }, { json: /c }], methods: [post, PUT], inject: hmac, from: [{ header: X-Operation }, { json: /order_id }], upstream: resume',
    ),
    {
      carrier: { kind: 'json', pointer: ['params', 'arguments', 'idempotency_key'] },
      when: [
        { json: ['method'], any: ['tools/call'] },
        { json: ['a/b'], any: [1, null] },
        { json: ['c'], any: [] },
      ],
      methods: ['POST', 'PUT'],
      inject: 'hmac',
      from: [{ header: 'X-Operation' }, { json: ['order_id'] }],
      upstream: 'resume',
      replay: undefined,
    },
  )
  t.match(
    settings(
      'replay: { ttl: 168h, fingerprint: jcs, ignore: [/id], scope: [Account-Id], store_4xx: [400, 422], on_5xx: release, dialect: adcp, in_flight: reject }',
    )?.replay,
    {
      ttl: 604_800_000,
      fingerprint: 'jcs',
      ignore: [['id']],
      scope: ['account-id'],
      store_4xx: [400, 422],
      on_5xx: 'release',
      dialect: 'adcp',
      in_flight: 'reject',
    },
  )
  t.end()
})

t.test('classify takes rules and the names of known protocols, in order', t => {
  const yaml =
    'classify:\n  - adcp\n  - { when: { status: [200], json: /error/code, equals: RATE_LIMITED }, as: rate_limited, retry_after: /error/retry_after }\n  - { when: { json: /errors/0 }, as: error }\n  - json_rpc'
  t.strictSame(read(route(yaml)).config.routes[0]?.classify, [
    'adcp',
    {
      when: { json: ['error', 'code'], any: ['RATE_LIMITED'], status: [200] },
      as: 'rate_limited',
      retry_after: ['error', 'retry_after'],
    },
    { when: { json: ['errors', '0'], any: [], status: [] }, as: 'error', retry_after: undefined },
    'json_rpc',
  ])
  t.end()
})

t.test('R2: non_idempotent is keyed where the upstream honours keys, unless the file says otherwise', t => {
  const cases: [string, string | undefined][] = [
    ['retry: {}', 'never'],
    ['idempotency: { upstream: none, replay: {} }', 'never'],
    ['idempotency: { upstream: replay }', 'keyed'],
    ['idempotency: { upstream: reject }', 'keyed'],
    ['idempotency: { upstream: resume }\nretry: { attempts: 5 }', 'keyed'],
    ['idempotency: { upstream: replay }\nretry: { non_idempotent: never }', 'never'],
    ['idempotency: { upstream: replay }\nretry: { non_idempotent: always }', 'always'],
    ['idempotency: { upstream: replay }\nretry: off', undefined],
    ['idempotency: off', 'never'],
  ]
  for (const [yaml, expected] of cases) {
    t.equal(read(route(yaml)).config.routes[0]?.retry?.non_idempotent, expected, yaml)
  }
  t.end()
})

t.test('a preset brings keys and classification, and a route can leave either out', t => {
  const preset = (body: string) => read(route(body)).config.routes[0]
  for (const name of ['adcp', 'stripe']) {
    t.match(preset(`preset: ${name}`), { idempotency: { inject: 'uuid4' }, retry: { non_idempotent: 'keyed' } })
    t.match(preset(`preset: ${name}\nidempotency: off`), { idempotency: undefined, retry: { non_idempotent: 'never' } })
    t.match(preset(`preset: ${name}\nidempotency: { upstream: none }`)?.retry, { non_idempotent: 'never' })
    t.same(preset(`preset: ${name}\nclassify: []`)?.classify, [])
  }
  t.match(preset('preset: openai'), { idempotency: undefined, classify: [{ as: 'error' }] })
  t.end()
})

type Row = readonly [name: string, yaml: string, ...expected: string[]]

const keys = (body: string) => route(`idempotency: { ${body} }`)
const replay = (body: string) => keys(`replay: { ${body} }`)
const HERE = '4:20 routes.0.idempotency'

const CARRIER: Row[] = [
  [
    'two carriers',
    keys('header: X-Key, json: /key, upstream: replay'),
    '4:41 routes.0.idempotency.json: excludes header; drop one of them',
  ],
  [
    'a header that frames',
    keys('header: Content-Length'),
    `${HERE}.header: Content-Length is not forwarded`.replace('4:20', '4:28'),
  ],
  [
    'a header that ends at the next hop',
    keys('header: Connection'),
    '4:28 routes.0.idempotency.header: Connection is not forwarded',
  ],
  [
    'a header that says who asks',
    keys('header: Authorization'),
    '4:28 routes.0.idempotency.header: Authorization carries a credential, not a key',
  ],
  ['a cookie', keys('header: cookie'), '4:28 routes.0.idempotency.header: cookie carries a credential'],
  ['a payment', keys('header: X-Payment'), '4:28 routes.0.idempotency.header: X-Payment carries a credential'],
  [
    'a header about the body',
    keys('header: Content-Digest'),
    '4:28 routes.0.idempotency.header: Content-Digest has a meaning',
  ],
  [
    'a pointer without a slash',
    keys('json: key'),
    '4:26 routes.0.idempotency.json: "key" is not a JSON pointer; write /error/code',
  ],
  ['a whole document', keys('json: ""'), '4:26 routes.0.idempotency.json: "" is not a JSON pointer'],
  ['an odd escape', keys('json: /a~2'), '4:26 routes.0.idempotency.json: "/a~2" is not a JSON pointer'],
  ['no methods', keys('methods: []'), '4:29 routes.0.idempotency.methods: has 0 entries; at least 1'],
  [
    'a method without an effect',
    keys('methods: [POST, get]'),
    '4:36 routes.0.idempotency.methods.1: GET has no effect to protect',
  ],
  [
    'a condition that says one thing twice',
    keys('when: [{ json: /a, equals: 1, any: [2] }]'),
    '4:55 routes.0.idempotency.when.0.any: excludes equals',
  ],
  ['a condition on nothing', keys('when: [{ equals: 1 }]'), '4:27 routes.0.idempotency.when.0.json: is missing'],
]

const KEY: Row[] = [
  [
    'K12: a key from the content alone',
    keys('inject: hmac, upstream: replay'),
    '4:28 routes.0.idempotency.inject: hmac needs from: a header or a place in the body that tells one operation from another',
  ],
  [
    'an origin without its key',
    keys('inject: uuid4, upstream: replay, from: [{ json: /a }]'),
    '4:59 routes.0.idempotency.from: is what an hmac key',
  ],
  [
    'an origin in two places',
    keys('inject: hmac, from: [{ json: /a, header: X }]'),
    '4:41 routes.0.idempotency.from.0: has header and json; exactly one',
  ],
  ['an origin nowhere', keys('inject: hmac, from: [{}]'), '4:41 routes.0.idempotency.from.0: has none; exactly one'],
  [
    'an unknown kind of key',
    keys('inject: uuid5'),
    '4:28 routes.0.idempotency.inject: "uuid5" is not allowed; one of uuid4, uuid7, hmac, off, did you mean "uuid4"?',
  ],
  [
    'an unknown upstream',
    keys('upstream: rejects'),
    '4:30 routes.0.idempotency.upstream: "rejects" is not allowed; one of none, replay, reject, resume, did you mean "reject"?',
  ],
  [
    'the token of the route in the same header',
    `credentials: { v: { source: { env: T }, inject: { header: X-Key } } }\n${route('credential: v\nidempotency: { header: x-key, upstream: replay }')}`,
    '6:28 routes.0.idempotency.header: x-key carries the token of credential "v"',
  ],
  [
    'a key in a body that is not kept',
    route('body: { memory: 0B, spill: 0B }\nidempotency: { json: /key, upstream: replay }'),
    '5:26 routes.0.idempotency.json: a key in the body is read in memory',
  ],
  [
    'keyed without an upstream that honours it',
    route('retry: { non_idempotent: keyed }\nidempotency: { inject: uuid4 }'),
    '4:30 routes.0.retry.non_idempotent: "keyed" needs idempotency.upstream other than none',
  ],
]

const REPLAY: Row[] = [
  [
    'the old spelling of a fingerprint',
    replay('fingerprint: json'),
    '4:43 routes.0.idempotency.replay.fingerprint: "json" is not allowed; one of bytes, jcs, did you mean "jcs"?',
  ],
  [
    'places to ignore in bytes',
    replay('ignore: [/id]'),
    '4:38 routes.0.idempotency.replay.ignore: has places in JSON, but the fingerprint is bytes; set fingerprint: jcs',
  ],
  ...[401, 402, 407, 408, 409, 425, 429].map(
    (status): Row => [
      `I7: a stored ${status}`,
      replay(`store_4xx: [404, ${status}]`),
      `4:47 routes.0.idempotency.replay.store_4xx.1: ${status} is never stored`,
    ],
  ),
  [
    'I7: a stored 500',
    replay('store_4xx: [500]'),
    '4:42 routes.0.idempotency.replay.store_4xx.0: 500 is out of range; 400 to 499',
  ],
  [
    'a misspelt key',
    replay('on_uncertan: block'),
    '4:30 routes.0.idempotency.replay.on_uncertan: unknown key, did you mean "on_uncertain"?',
  ],
  ['no burst', replay('rate: { burst: 0 }'), '4:45 routes.0.idempotency.replay.rate.burst: 0 is out of range'],
]

const CLASSIFY: Row[] = [
  [
    'a misspelt protocol',
    route('classify: [adpc]'),
    '4:16 routes.0.classify.0: "adpc" is not allowed; one of adcp, json_rpc, or a block with when and as, did you mean "adcp"?',
  ],
  [
    'an unknown class',
    route('classify: [{ when: { json: /a }, as: limited }]'),
    '4:42 routes.0.classify.0.as: "limited" is not allowed; one of rate_limited, unavailable, in_flight, error',
  ],
  [
    'a rule without a place',
    route('classify: [{ when: { status: [200] }, as: error }]'),
    '4:24 routes.0.classify.0.when.json: is missing',
  ],
  ['a rule that says nothing', route('classify: [{ when: { json: /a } }]'), '4:16 routes.0.classify.0.as: is missing'],
]

function problemsOf(yaml: string) {
  try {
    return read(yaml).warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.filter(({ severity }) => severity === 'error')
  }
}

for (const [group, rows] of Object.entries({ CARRIER, KEY, REPLAY, CLASSIFY })) {
  t.test(`T21: what cannot be meant is refused at its line and column (${group.toLowerCase()})`, t => {
    for (const [name, yaml, ...expected] of rows) {
      const found = problemsOf(yaml).map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
      t.equal(found.length, expected.length, `${name}: ${found.join(' · ')}`)
      for (const [index, start] of expected.entries()) t.equal(found[index]?.slice(0, start.length), start, name)
    }
    t.end()
  })
}

const warningsOf = (yaml: string) => read(yaml).warnings.map(({ path, message }) => `${path}: ${message}`)

t.test('a mix that protects less than it seems is warned about', t => {
  const at = 'routes.0.idempotency'
  const cases: [string, string, string][] = [
    [
      'a key that nobody honours',
      keys('inject: uuid4'),
      `${at}.inject: a key that the upstream ignores protects nothing`,
    ],
    ['a block without an effect', keys('header: X-Key'), `${at}: does nothing; set upstream, inject or replay`],
    [
      'a method that never comes',
      route('idempotency: { upstream: replay }', '{ host: x, methods: [GET, PUT] }'),
      `${at}.methods: POST, PATCH: the route takes none of them (match.methods: GET, PUT)`,
    ],
    [
      'a key that is forgotten too soon',
      replay('ttl: 59s'),
      `${at}.replay.ttl: 59s is shorter than timeout.total (60s)`,
    ],
    ['an uncertain key as if new', replay('on_uncertain: allow'), `${at}.replay.on_uncertain: "allow" sends again`],
    [
      'a resumption that the upstream does not know',
      replay('on_uncertain: resume'),
      `${at}.replay.on_uncertain: "resume" with upstream: none sends again`,
    ],
    [
      'a tunnel',
      route('tls: tunnel\nidempotency: { replay: {} }'),
      `${at}: HTTPS passes untouched (tls: tunnel), so it does not act there`,
    ],
    [
      'any host',
      route('idempotency: { upstream: replay }', '{ host: "*" }'),
      `${at}: HTTPS passes untouched (match.host is *, and tls does not say intercept)`,
    ],
    [
      'a tunnel beside a mount',
      `intercept: off\n${route('mount: /m\nupstream: https://y.example\nclassify: [adcp]')}`,
      'routes.0.classify: HTTPS passes untouched (intercept: off), so it does not act there, but for its mount',
    ],
    [
      'tenants that look alike',
      `listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\n${replay('ttl: 1h')}`,
      `${at}.replay: requests without a credential are not replayed, because other machines connect at 0.0.0.0:1`,
    ],
    [
      'keys that end with the process',
      `store: memory\n${replay('ttl: 1h')}`,
      `${at}.replay: store: memory forgets keys with the process`,
    ],
    [
      'a repeat that never looks the same',
      replay('dialect: json_rpc, fingerprint: jcs, ignore: [/params/_meta]'),
      `${at}.replay.dialect: a repeat in json_rpc has an id of its own`,
    ],
    [
      'unsafe repeats',
      route('retry: { non_idempotent: always }\nidempotency: { upstream: replay }'),
      'routes.0.retry.non_idempotent: "always" repeats POST and PATCH',
    ],
  ]
  for (const [name, yaml, start] of cases) {
    const found = warningsOf(yaml)
    t.equal(found.length, 1, `${name}: ${found.join(' · ')}`)
    t.equal(found[0]?.slice(0, start.length), start, name)
  }
  t.end()
})

t.test('a sound mix draws no warning', t => {
  const fine = [
    keys('upstream: replay, inject: uuid4'),
    keys('replay: {}'),
    replay('on_uncertain: block'),
    replay('dialect: adcp, fingerprint: jcs, ignore: [/id]'),
    keys('upstream: resume, replay: { on_uncertain: resume }'),
    route('idempotency: { replay: {} }', '{ host: "*", scheme: http }'),
    route('tls: intercept\nidempotency: { replay: {} }', '{ host: "*" }'),
    `listen: { proxy: 0.0.0.0:1, allow_from: [10.0.0.0/8] }\n${replay('scope: [account-id]')}`,
  ]
  for (const yaml of fine) t.same(warningsOf(yaml), [], yaml)
  t.end()
})

t.test('F4: keys and classification are policies, so their host is intercepted', t => {
  const off = 'retry: off\ncooldown: off\nbreaker: off\n'
  const cases: [string, string[]][] = [
    ['classify: []', []],
    ['idempotency: off', []],
    ['idempotency: { replay: {} }', ['x.example']],
    ['classify: [adcp]', ['x.example']],
  ]
  for (const [yaml, hosts] of cases) t.same(interceptHosts(read(route(`${off}${yaml}`)).config), hosts, yaml)
  t.end()
})
