import type { Subject } from '../support/fuzz.js'
import { CONFIGURATION } from './subjects/config.js'
import { CREDENTIALS } from './subjects/credentials.js'
import { FIELDS } from './subjects/fields.js'
import { JSON_TEXTS } from './subjects/json.js'
import { MONEY } from './subjects/money.js'
import { STORES } from './subjects/stores.js'
import { TARGETS } from './subjects/targets.js'
import { WAITS } from './subjects/waits.js'
import { WIRE } from './subjects/wire.js'

/** Every parser, and what holds for it. */
export const SUBJECTS: readonly Subject[] = [
  ...TARGETS,
  ...FIELDS,
  ...WAITS,
  ...JSON_TEXTS,
  ...WIRE,
  ...MONEY,
  ...CREDENTIALS,
  ...CONFIGURATION,
  ...STORES,
]

/** Functions that are called like a parser and are none, and why; or whose input nobody but the operator writes. */
export const NO_PARSERS: Readonly<Record<string, string>> = {
  'upstream/egress-proxy.ts readEgressProxy': 'opens a file of roots; its URL is parsed by parseProxyUrl',
  'x402/judge-paid.ts judgePaid': 'a decision over what was read',
  'certificate/ca-files.ts readFileIfAny': 'opens a file',
  'certificate/local-ca.ts readCa': 'opens files; OpenSSL parses them',
  'config/effective.ts readConfig': 'opens a file for parseConfig',
  'config/load.ts readText': 'opens a file for parseConfig',
  'policy/replay-dialect.ts readdress': 'writes',
  'credential/oauth2-settings.ts readSecret': 'opens a secret; decodeText parses it',
  'signer/private-file.ts readPrivateFile': 'opens a file',
  'listener/connect-head.ts parseConnectHead': 'the same as parsePlainHead: fast-lane.test.ts',
  'wire/plain-head.ts parsePlainHead': 'has a fuzz of its own, side by side with the parser of Node: fast-lane.test.ts',
  'store/own-file.ts readOwnFile': 'opens a file',
}
