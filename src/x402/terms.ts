import { type Fields, fieldValues } from '../http/fields.js'
import { arrayEnd, valueEnd } from '../json/grammar.js'
import { isObject } from '../json/read.js'
import { locate } from '../json/scan.js'
import { parseStrict } from '../json/strict.js'
import { decodeBase64 } from './base64.js'
import { isIdentifierWanted } from './payment-identifier.js'
import type { PaymentPolicy } from './policy.js'
import { type Requirement, readRequirement } from './requirement.js'

/** What a 402 asks for. */
export type Offer = {
  readonly version: 1 | 2
  /** In the order of the server, at least one. */
  readonly requirements: readonly Requirement[]
  /** What is bought; version 1 says it in each requirement. */
  readonly resource: string | undefined
  /** Texts of version 2 that go back to the server as they came; `undefined` when there was none. */
  readonly resourceJson: string | undefined
  readonly extensionsJson: string | undefined
  /** The server can tell a repeated payment by an identifier of ours (P6). */
  readonly identifier: boolean
}

export type Unreadable = { readonly unreadable: string }

/** A 402 as it came: the head's fields, and the whole body without content coding. */
export type Challenge = { readonly fields: Fields; readonly body: Buffer }

type Speaks = Pick<PaymentPolicy, 'versions' | 'accept_body_v2'>
type Terms = { readonly text: Buffer; readonly value: Readonly<Record<string, unknown>> }

const MOST_HEADER = 65_536
const MOST_BODY = 262_144
const MOST_REQUIREMENTS = 64

/**
 * The terms of a 402, when they can be read beyond doubt (P1). A `PAYMENT-REQUIRED` field outweighs the body; a broken
 * one is not made up for by it. One malformed requirement of a kind that we speak spoils the whole offer: whoever wrote
 * it is not to be trusted with a signature.
 */
export function readOffer({ fields, body }: Challenge, { versions, accept_body_v2 }: Speaks): Offer | Unreadable {
  const lines = versions.includes(2) ? fieldValues(fields, 'payment-required') : []
  if (lines.length > 1) return unreadable('PAYMENT-REQUIRED is there more than once')
  if (lines[0] !== undefined) return readHeader(lines[0].trim())
  if (body.length > MOST_BODY) return unreadable('the body is longer than 256 KiB')
  const terms = strictObject(body, 'the body')
  if ('unreadable' in terms) return terms
  const version = terms.value['x402Version']
  if (version === 1 && versions.includes(1)) return readTerms(terms, 1)
  if (version !== 2 || !versions.includes(2)) return unreadable('no terms of a version that this route speaks')
  return accept_body_v2 ? readTerms(terms, 2) : unreadable('terms of version 2 in the body, and accept_body_v2 is off')
}

const unreadable = (why: string): Unreadable => ({ unreadable: why })

function readHeader(value: string): Offer | Unreadable {
  if (value.length > MOST_HEADER) return unreadable('PAYMENT-REQUIRED is longer than 64 KiB')
  const text = decodeBase64(value)
  if (text === undefined || text.length === 0) return unreadable('PAYMENT-REQUIRED is not standard base64')
  const terms = strictObject(text, 'PAYMENT-REQUIRED')
  if ('unreadable' in terms) return terms
  if (terms.value['x402Version'] !== 2) return unreadable('PAYMENT-REQUIRED is not of version 2')
  return readTerms(terms, 2)
}

function strictObject(text: Buffer, what: string): Terms | Unreadable {
  const parsed = parseStrict(text)
  if (parsed === 'invalid') return unreadable(`${what} is not JSON`)
  if (parsed === 'duplicate') return unreadable(`${what} has two members of one name`)
  return isObject(parsed.value) ? { text, value: parsed.value } : unreadable(`${what} is no JSON object`)
}

function readTerms(terms: Terms, version: 1 | 2): Offer | Unreadable {
  const requirements = readRequirements(terms, version)
  if ('unreadable' in requirements) return requirements
  if (version === 1) {
    return { version, requirements, resource: undefined, ...NOTHING_TO_ECHO }
  }
  const { resource, extensions } = terms.value
  if (!isObject(resource) || typeof resource['url'] !== 'string' || resource['url'] === '') {
    return unreadable('resource has no url')
  }
  const extended = extensions !== undefined && extensions !== null
  if (extended && !isObject(extensions)) return unreadable('extensions is no object')
  return {
    version,
    requirements,
    resource: resource['url'],
    resourceJson: spanOf(terms.text, ['resource']),
    extensionsJson: extended ? spanOf(terms.text, ['extensions']) : undefined,
    identifier: isIdentifierWanted(extensions),
  }
}

const NOTHING_TO_ECHO = { resourceJson: undefined, extensionsJson: undefined, identifier: false } as const

function readRequirements({ text, value }: Terms, version: 1 | 2): readonly Requirement[] | Unreadable {
  const accepts = value['accepts']
  if (!Array.isArray(accepts) || accepts.length === 0) return unreadable('accepts lists nothing')
  if (accepts.length > MOST_REQUIREMENTS) return unreadable(`accepts lists more than ${MOST_REQUIREMENTS} ways to pay`)
  const texts = elementsOf(text, ['accepts'])
  const requirements: Requirement[] = []
  for (const [index, entry] of accepts.entries()) {
    const read = readRequirement(entry, texts[index] ?? '', version)
    if (typeof read === 'string') return unreadable(`accepts.${index}: ${read}`)
    requirements.push(read)
  }
  return requirements
}

/** The bytes of each element of a list, in one pass. */
function elementsOf(text: Buffer, pointer: readonly string[]): readonly string[] {
  const located = locate(text, pointer)
  if (located.kind !== 'found') return []
  const elements: string[] = []
  arrayEnd(text, located.start, pointer.length, start => {
    const end = valueEnd(text, start, pointer.length + 1)
    elements.push(text.toString('utf8', start, end))
    return end
  })
  return elements
}

/** The bytes of a value: big integers, order and spelling survive in them. */
function spanOf(text: Buffer, pointer: readonly string[]): string | undefined {
  const located = locate(text, pointer)
  return located.kind === 'found' ? text.toString('utf8', located.start, located.end) : undefined
}
