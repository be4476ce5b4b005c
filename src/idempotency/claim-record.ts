/** A claim as it is kept under `claim/<lookup>`: hashes, states and times, never a key, a body or a credential (I13). */
export type ClaimRecord = {
  /**
   * open: it runs, or whoever ran it died · completed: its answer is kept beside it · bodiless: it completed, and the
   * answer was too large to keep · uncertain: its owner does not know what became of it (I6)
   */
  readonly state: ClaimState
  readonly fingerprint: string
  /** Random, of one claim or takeover: only who knows it may write (I6), and only its answer belongs to the record. */
  readonly owner: string
  /** The process that holds it, by the name of its heartbeat. */
  readonly instance: string
  /** It was taken over when it was uncertain. */
  readonly resumed: boolean
  /** Unix milliseconds, as all times here. */
  readonly claimedAt: number
  /** An open claim is uncertain afterwards. */
  readonly leaseUntil: number
  /** The key is free again afterwards; counts from the claim. */
  readonly expiresAt: number
  /** Of the answer, once it completed. */
  readonly status: number | undefined
  readonly about: ClaimAbout
}

type ClaimState = 'open' | 'completed' | 'bodiless' | 'uncertain'

/** For the operator's list: nothing here is secret. */
export type ClaimAbout = {
  readonly route: string
  readonly origin: string
  readonly method: string
  /** HMAC of the key, 16 hex digits: finds the claim of a key that the operator has at hand. */
  readonly keyPrint: string
  /** The first 8 characters of a key of 16 or more, else nothing. */
  readonly keyHint: string
}

const CLAIM = 'claim/'

export const claimKey = (lookup: string): string => `${CLAIM}${lookup}`
export const answerKey = (lookup: string): string => `answer/${lookup}`
export const CLAIM_PREFIX = CLAIM

/** The first byte of every record; a later layout gets another one. */
const VERSION = 1

type Row = readonly [
  state: ClaimState,
  fingerprint: string,
  owner: string,
  instance: string,
  resumed: 0 | 1,
  claimedAt: number,
  leaseUntil: number,
  expiresAt: number,
  status: number,
  route: string,
  origin: string,
  method: string,
  keyPrint: string,
  keyHint: string,
]

/** A row without names: there may be hundreds of thousands. */
export function encodeRecord(record: ClaimRecord): Buffer {
  const { about } = record
  const row: Row = [
    record.state,
    record.fingerprint,
    record.owner,
    record.instance,
    record.resumed ? 1 : 0,
    record.claimedAt,
    record.leaseUntil,
    record.expiresAt,
    record.status ?? 0,
    about.route,
    about.origin,
    about.method,
    about.keyPrint,
    about.keyHint,
  ]
  return Buffer.from(String.fromCharCode(VERSION) + JSON.stringify(row))
}

/** `undefined` when it is none of ours, or of a later version. */
export function decodeRecord(value: Buffer): ClaimRecord | undefined {
  const row = value[0] === VERSION ? parseRow(value.toString('utf8', 1)) : undefined
  if (row === undefined) return undefined
  const [state, fingerprint, owner, instance, resumed, claimedAt, leaseUntil, expiresAt, status] = row
  const [route, origin, method, keyPrint, keyHint] = row.slice(9) as [string, string, string, string, string]
  return {
    state,
    fingerprint,
    owner,
    instance,
    resumed: resumed === 1,
    claimedAt,
    leaseUntil,
    expiresAt,
    status: status === 0 ? undefined : status,
    about: { route, origin, method, keyPrint, keyHint },
  }
}

const TYPES = 'sssnnnnnsssss'

function parseRow(text: string): Row | undefined {
  try {
    const row: unknown = JSON.parse(text)
    if (!Array.isArray(row) || !isState(row[0])) return undefined
    // JSON has numbers that no double holds: a claim until `1e999` would never end.
    const types = row.slice(1).map(value => (value === Infinity || value === -Infinity ? '-' : (typeof value)[0]))
    return types.join('') === TYPES ? (row as unknown as Row) : undefined
  } catch {
    return undefined
  }
}

const isState = (value: unknown): value is ClaimState =>
  value === 'open' || value === 'completed' || value === 'bodiless' || value === 'uncertain'
