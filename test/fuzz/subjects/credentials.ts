import { SourceError } from '../../../src/credential/source.js'
import { readAnswer } from '../../../src/credential/token-answer.js'
import { readExecCredential, readTokenDocument } from '../../../src/credential/token-document.js'
import { asFetched, decodeText, jwtExpiry } from '../../../src/credential/token-text.js'
import { type Dice, type Subject, wrongly } from '../../support/fuzz.js'
import { jsonValue } from './json.js'

const NOW = Date.UTC(2026, 5, 1)
const SECRET = 's3cret'
const WORDS = ['"', ',', ':', '{', '}', '\\n', '\0', 'null', '-1', '1e400', '""', ' ', '<html>', '"token":']
const KEYS = [
  'access_token',
  'accessToken',
  'token',
  'id_token',
  'expires_in',
  'expires_at',
  'expires_on',
  'expiration',
  'success',
  'error',
  'expirationTimestamp',
]
const VALUES = [
  SECRET,
  `${SECRET}\n${SECRET}`,
  3_600,
  '3600',
  '2030-01-01T00:00:00Z',
  '2030-02-31T00:00:00+02:00',
  0,
  -1,
  1e300,
  '',
  null,
  false,
  1_900_000_000,
]

const members = (dice: Dice): Record<string, unknown> =>
  Object.fromEntries(
    dice.list(4, () => [dice.pick(KEYS), dice.chance(0.8) ? dice.pick(VALUES) : jsonValue(dice, 1)], 1),
  )

/** What a reader that may fail gave: nothing when it failed as it declares, without a word of the secret. */
function attempt<T>(read: () => T): { readonly value: T } | string | undefined {
  try {
    return { value: read() }
  } catch (error) {
    if (!(error instanceof SourceError)) return `throws ${String(error)}`
    return error.message.includes(SECRET) ? `tells ${error.message}` : undefined
  }
}

const documents: Subject = {
  parser: 'credential/token-document.ts readTokenDocument readExecCredential',
  promise: 'gives a token of one line with an end that lies ahead, or fails as a SourceError that tells nothing of it',
  weight: 3,
  run: dice => {
    const exec = dice.chance(0.3)
    const value = exec
      ? { kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status: members(dice) }
      : members(dice)
    const text = dice.mutate(JSON.stringify(value), WORDS)
    const read = attempt(() => (exec ? readExecCredential(text, NOW, 'here') : readTokenDocument(text, NOW, 'here')))
    if (typeof read !== 'object') return read === undefined ? undefined : wrongly(text, read)
    const { token, expiresAt } = read.value
    const isSound =
      /^[^\0-\x1f\x7f]+$/.test(token) && (expiresAt === undefined || (Number.isFinite(expiresAt) && expiresAt > NOW))
    return isSound ? undefined : wrongly(text, read)
  },
}

const answers: Subject = {
  parser: 'credential/token-answer.ts readAnswer',
  promise:
    'gives the JSON of a 200, or a refusal by a code or a reason, that hold nothing of the answer; a wait is finite',
  weight: 2,
  run: dice => {
    const text = dice.pick([
      dice.mutate(
        JSON.stringify({ ...members(dice), error: dice.pick(['invalid_grant', SECRET, `${SECRET}!`]) }),
        WORDS,
      ),
      `<html>${SECRET}`,
      '',
      JSON.stringify(members(dice)),
    ])
    const heard = {
      status: dice.pick([200, 400, 401, 302, 429, 503, 201]),
      retryAfter: dice.pick([null, '5', 'x', '-1', '9'.repeat(400)]),
      text: dice.chance(0.9) ? text : undefined,
    }
    const answer = readAnswer(heard, NOW)
    if (answer.kind === 'json') return heard.status === 200 ? undefined : wrongly(heard, answer)
    const told = answer.kind === 'refused' ? answer.code : answer.why
    const isSound =
      answer.kind === 'refused' || answer.retryAfter === undefined || Number.isSafeInteger(answer.retryAfter)
    return isSound && !told.includes(SECRET) ? undefined : wrongly(heard, answer)
  },
}

const texts: Subject = {
  parser: 'credential/token-text.ts decodeText asFetched jwtExpiry',
  promise: 'takes the UTF-8 that Buffer takes, and reads the exp of a JWT as it was written',
  weight: 3,
  run: dice => {
    const bytes = Buffer.from(
      dice.chance(0.5)
        ? dice.octets(10)
        : Buffer.from(dice.list(6, () => dice.pick(['a', 'é', '€', '😀'])).join('')).toString('latin1'),
      'latin1',
    )
    const decoded = attempt(() => decodeText(bytes, 'here'))
    const isUtf8 = Buffer.from(bytes.toString('utf8')).equals(bytes)
    if (typeof decoded === 'string' || (decoded !== undefined) !== isUtf8)
      return wrongly(bytes.toString('hex'), decoded)
    const exp = dice.below(4_000_000_000)
    const jwt = `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.${SECRET}`
    if (jwtExpiry(jwt) !== exp * 1_000) return wrongly(jwt, jwtExpiry(jwt))
    const token = dice.mutate(jwt, ['.', '\n', '\r', '\0', ' ', '='])
    const fetched = attempt(() => asFetched(token, undefined, NOW, 'here'))
    if (typeof fetched !== 'object') return fetched === undefined ? undefined : wrongly(token, fetched)
    return fetched.value.token === token.trim() && (fetched.value.expiresAt ?? Infinity) > NOW
      ? undefined
      : wrongly(token, fetched)
  },
}

export const CREDENTIALS: readonly Subject[] = [documents, answers, texts]
