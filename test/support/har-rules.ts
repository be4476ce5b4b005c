/** What HTTP Archive 1.2 wants of each object: a member and what it must be. A `?` may be missing. */
const RULES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  log: {
    version: 'text',
    creator: '{creator',
    'browser?': '{creator',
    'pages?': '[page',
    entries: '[entry',
    'comment?': 'text',
  },
  creator: { name: 'text', version: 'text', 'comment?': 'text' },
  entry: {
    ...{ 'pageref?': 'text', startedDateTime: 'time', time: 'ms', request: '{request', response: '{response' },
    ...{ cache: '{cache', timings: '{timings', 'serverIPAddress?': 'text', 'connection?': 'text', 'comment?': 'text' },
  },
  request: {
    ...{ method: 'text', url: 'url', httpVersion: 'text', cookies: '[cookie', headers: '[pair', queryString: '[pair' },
    ...{ 'postData?': '{postData', headersSize: 'size', bodySize: 'size', 'comment?': 'text' },
  },
  response: {
    ...{
      status: 'ms',
      statusText: 'text',
      httpVersion: 'text',
      cookies: '[cookie',
      headers: '[pair',
      content: '{content',
    },
    ...{ redirectURL: 'text', headersSize: 'size', bodySize: 'size', 'comment?': 'text' },
  },
  content: {
    size: 'size',
    'compression?': 'size',
    mimeType: 'text',
    'text?': 'text',
    'encoding?': 'text',
    'comment?': 'text',
  },
  pair: { name: 'text', value: 'text', 'comment?': 'text' },
  cache: { 'beforeRequest?': '{cached', 'afterRequest?': '{cached', 'comment?': 'text' },
  timings: {
    ...{ 'blocked?': 'size', 'dns?': 'size', 'connect?': 'size', send: 'ms', wait: 'ms', receive: 'ms' },
    ...{ 'ssl?': 'size', 'comment?': 'text' },
  },
}

/** Where an archive breaks the rules of HAR 1.2; members that begin with `_` are free. */
export function harFaults(archive: unknown): string[] {
  const faults: string[] = []
  check('$.log', (archive as { log?: unknown })?.log, 'log', faults)
  const { entries = [] } = (archive as { log?: { entries?: Entry[] } })?.log ?? {}
  for (const [index, { time, timings }] of entries.entries()) {
    const { ssl, ...own } = timings
    // The time of TLS is part of `connect`; -1 is a phase that there was not.
    const sum = Object.values(own).reduce((all, ms) => all + Math.max(0, ms), 0)
    if (Math.abs(sum - time) > 0.11) faults.push(`$.log.entries[${index}].time is ${time}, its phases are ${sum}`)
    if ((ssl ?? -1) > (own['connect'] ?? 0)) faults.push(`$.log.entries[${index}].timings.ssl is longer than connect`)
  }
  return faults
}

type Entry = { readonly time: number; readonly timings: Readonly<Record<string, number>> }

function check(path: string, value: unknown, kind: string, faults: string[]): void {
  const rules = RULES[kind]
  if (rules === undefined || typeof value !== 'object' || value === null) {
    faults.push(`${path} is no ${kind}`)
    return
  }
  const known = new Set(Object.keys(rules).map(name => name.replace('?', '')))
  for (const name of Object.keys(value)) {
    if (!known.has(name) && !name.startsWith('_')) faults.push(`${path}.${name} is not known`)
  }
  for (const [rule, type] of Object.entries(rules)) {
    const name = rule.replace('?', '')
    const member = (value as Record<string, unknown>)[name]
    if (member === undefined && rule.endsWith('?')) continue
    if (type.startsWith('{')) check(`${path}.${name}`, member, type.slice(1), faults)
    else if (!type.startsWith('[')) {
      if (!isA(type, member)) faults.push(`${path}.${name} is no ${type}: ${JSON.stringify(member)}`)
    } else if (!Array.isArray(member)) faults.push(`${path}.${name} is no list`)
    else for (const [index, item] of member.entries()) check(`${path}.${name}[${index}]`, item, type.slice(1), faults)
  }
}

function isA(type: string, value: unknown): boolean {
  if (type === 'ms') return typeof value === 'number' && value >= 0
  if (type === 'size') return typeof value === 'number' && value >= -1
  if (typeof value !== 'string') return false
  if (type === 'time') return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)
  return type === 'url' ? URL.canParse(value) : true
}
