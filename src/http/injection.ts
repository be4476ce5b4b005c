import { type Fields, fieldTokens, fieldValues } from './fields.js'
import { fieldRole, namedByConnection } from './hop-by-hop.js'
import { editParameter, parameterValues, setParameter } from './query-parameter.js'

/** Where a token goes. */
export type Carrier =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  /** With the token as the password (RFC 7617). */
  | { readonly kind: 'basic'; readonly username: string }
  | { readonly kind: 'query'; readonly name: string }

export type Injection = {
  readonly carrier: Carrier
  /**
   * always: in place of whatever the client sent there · absent: only when it sent nothing, or nothing but blanks ·
   * placeholder: only where its value there holds this text, inside Basic too; at least a character.
   */
  readonly when: 'always' | 'absent' | { readonly placeholder: string }
}

/** What to send in place of the client's fields and target. */
export type Injected = { readonly fields: Fields; readonly path: string }

/** The token is not sent, and why: nothing of its value. */
export type NotInjected = { readonly refuse: string }

/**
 * Whether a token is to be had for this request at all. @param path in origin-form, or `*`, which has no room for a
 * parameter
 */
export function wantsToken({ carrier, when }: Injection, fields: Fields, path: string): boolean {
  if (carrier.kind === 'query' && !path.startsWith('/')) return false
  if (when === 'always') return true
  const own = ownValues(carrier, fields, path)
  return when === 'absent'
    ? own.every(value => value.trim() === '')
    : own.some(value => replaced(carrier.kind, value, when.placeholder, '') !== undefined)
}

/**
 * The request with the token in it (T5). Everything but its place stays as the client sent it: a replaced field keeps
 * its line and case, a new one is the last. `undefined` when it does not want one: what the client sent goes as it is.
 */
export function inject(
  injection: Injection,
  token: string,
  fields: Fields,
  path: string,
): Injected | NotInjected | undefined {
  if (!wantsToken(injection, fields, path)) return undefined
  const { carrier } = injection
  const reason = unfitCarrier(carrier) ?? unfitToken(carrier, token)
  if (reason !== undefined) return { refuse: reason }
  return carrier.kind === 'query'
    ? { fields, path: intoQuery(carrier.name, injection.when, token, path) }
    : { fields: intoFields(carrier, injection.when, token, fields), path }
}

/** Why no request can carry anything there: for the configuration to say at start. */
export function unfitCarrier(carrier: Carrier): string | undefined {
  switch (carrier.kind) {
    case 'bearer':
      return undefined
    case 'header':
      return fieldRole(carrier.name) === undefined ? undefined : `${carrier.name} is not forwarded (RFC 9110 §7.6.1)`
    case 'basic':
      return /[:\p{Cc}\p{Cs}]/u.test(carrier.username)
        ? 'the user name holds a character that Basic cannot carry'
        : undefined
    case 'query':
      return /[\p{Cc}\p{Cs}]/u.test(carrier.name) ? 'the parameter name holds a control character' : undefined
  }
}

/** RFC 9110 §5.5, as latin1, without tabs and the control characters of ISO 8859-1; no blank at either end. */
const FIELD_CONTENT = /^[\x21-\x7e\xa1-\xff](?:[\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa1-\xff])?$/

function unfitToken({ kind }: Carrier, token: string): string | undefined {
  if (token === '') return 'the token is empty'
  if (/\p{Cc}/u.test(token)) return 'the token holds a control character'
  if (/\p{Cs}/u.test(token)) return 'the token is not well-formed text'
  if (kind === 'basic' || kind === 'query') return undefined
  if (!FIELD_CONTENT.test(token)) return 'the token has a blank at an end, or a character beyond latin1'
  // RFC 6750 §2.1 has no space; an error message in place of a token does.
  return kind === 'bearer' && token.includes(' ') ? 'the token holds a space' : undefined
}

function intoQuery(name: string, when: Injection['when'], token: string, path: string): string {
  return typeof when === 'string'
    ? setParameter(path, name, token)
    : editParameter(path, name, value => replaced('query', value, when.placeholder, token))
}

type FieldCarrier = Exclude<Carrier, { kind: 'query' }>

function intoFields(carrier: FieldCarrier, when: Injection['when'], token: string, fields: Fields): Fields {
  const name = fieldName(carrier)
  const own = forwarded(fields, name)
  return typeof when === 'string'
    ? setField(own, name, fieldContent(carrier, token))
    : editField(own, name, value => replaced(carrier.kind, value, when.placeholder, token))
}

const fieldName = (carrier: FieldCarrier): string => (carrier.kind === 'header' ? carrier.name : 'Authorization')

function fieldContent(carrier: FieldCarrier, token: string): string {
  switch (carrier.kind) {
    case 'bearer':
      return `Bearer ${token}`
    case 'header':
      return token
    case 'basic':
      // RFC 7617 §2.1: UTF-8 is what servers that say anything ask for.
      return `Basic ${Buffer.from(`${carrier.username}:${token}`).toString('base64')}`
  }
}

/** What the client sent where the token would go. */
function ownValues(carrier: Carrier, fields: Fields, path: string): string[] {
  if (carrier.kind === 'query') return parameterValues(path, carrier.name)
  const name = fieldName(carrier)
  return fieldValues(forwarded(fields, name), name.toLowerCase())
}

/**
 * A client could name our field in `Connection`, and it would end here like its own (RFC 9110 §7.6.1). Then the client's
 * own is dropped now, and the name with it.
 */
function forwarded(fields: Fields, name: string): Fields {
  const lower = name.toLowerCase()
  if (!namedByConnection(fields).has(lower)) return fields
  const others = fieldTokens(fields, 'connection').filter(token => token !== lower)
  return setField(
    editField(fields, lower, () => null),
    'connection',
    others.join(', '),
  )
}

/** The fields with this value in the first line of that name, or in a new one at the end, and in no other. */
function setField(fields: Fields, name: string, value: string): Fields {
  let placed = false
  const result = editField(fields, name, () => {
    if (placed) return null
    placed = true
    return value
  })
  return placed ? result : [...result, name, value]
}

/** The fields with other values in the lines of that name; `undefined` leaves a line as it is, `null` drops it. */
function editField(fields: Fields, name: string, edit: (value: string) => string | undefined | null): Fields {
  const lower = name.toLowerCase()
  const result: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const candidate = fields[i] as string
    const value = fields[i + 1] as string
    const edited = candidate.toLowerCase() === lower ? edit(value) : undefined
    if (edited !== null) result.push(candidate, edited ?? value)
  }
  return result
}

const BASIC = /^(basic[ \t]+)([a-z\d+/]+=*)[ \t]*$/i

/**
 * The value with the token in place of the placeholder; `undefined` when it holds none. A token that is a Basic password
 * by its carrier goes nowhere else: only there may it be any text.
 */
function replaced(kind: Carrier['kind'], value: string, placeholder: string, token: string): string | undefined {
  const [, scheme = '', encoded = ''] = kind === 'query' ? [] : (BASIC.exec(value) ?? [])
  // As bytes: the user name before it may be in any charset.
  const credentials = Buffer.from(encoded, 'base64').toString('latin1')
  const sought = asBytes(placeholder)
  if (credentials.includes(sought)) {
    const known = credentials.replaceAll(sought, () => asBytes(token))
    return `${scheme}${Buffer.from(known, 'latin1').toString('base64')}`
  }
  if (kind === 'basic' || !value.includes(placeholder)) return undefined
  return value.replaceAll(placeholder, () => token)
}

const asBytes = (text: string): string => Buffer.from(text).toString('latin1')
