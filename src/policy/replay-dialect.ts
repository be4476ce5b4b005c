import { decodeContent } from '../http/content-decoding.js'
import { type Fields, pickFields } from '../http/fields.js'
import type { Pointer } from '../json/pointer.js'
import { isObject, parseJson, valueAt } from '../json/read.js'
import { locate } from '../json/scan.js'
import { insertMember, replaceValue } from '../json/splice.js'
import { mediaKind } from './classify.js'
import type { ReplaySettings } from './idempotency-settings.js'

type Answer = { readonly fields: Fields; readonly body: Buffer }

/** No answer that we keep is longer once it is decoded. */
const DECODED_MAX = 64 * 1_048_576

/**
 * An answer given again, in the words of its protocol (I14): a JSON-RPC answer bears the id of the request that gets it,
 * and AdCP is told by `replayed` what HTTP is told by a field. Every other byte stays.
 * @param request its body, if it is known @param stored a replay, and not only shared with others that asked meanwhile
 */
export function readdress<T extends Answer>(
  answer: T,
  dialect: ReplaySettings['dialect'],
  request: Buffer | undefined,
  stored: boolean,
): T {
  const kind = mediaKind(answer.fields)
  if (dialect === 'http' || request === undefined || kind === undefined) return answer
  const body = decodeContent(answer.fields, answer.body, DECODED_MAX)
  if (body === undefined) return answer
  const id = locate(request, ['id'])
  const edit = (message: Buffer): Buffer => {
    const addressed =
      id.kind === 'found' ? applied(message, replaceValue(message, ['id'], slice(request, id))) : message
    return dialect === 'adcp' && stored ? markReplayed(addressed) : addressed
  }
  const edited = kind === 'json' ? edit(body) : editEvents(body, edit)
  return edited.equals(body) ? answer : { ...answer, fields: withoutCoding(answer.fields), body: edited }
}

const slice = (text: Buffer, { start, end }: { start: number; end: number }): string =>
  text.toString('utf8', start, end)

/** A text that cannot be edited stays as it is. */
const applied = (text: Buffer, edited: Buffer | string): Buffer => (Buffer.isBuffer(edited) ? edited : text)

/** Messages in events stand in one line each. */
function editEvents(body: Buffer, edit: (message: Buffer) => Buffer): Buffer {
  const lines = body.toString('latin1').split(/(\r\n|\n|\r)/)
  const edited = lines.map(line => {
    const [, field = '', message = ''] = /^(data: ?)(\{.*\})$/.exec(line) ?? []
    return field === '' ? line : field + edit(Buffer.from(message, 'latin1')).toString('latin1')
  })
  return Buffer.from(edited.join(''), 'latin1')
}

function markReplayed(message: Buffer): Buffer {
  const place = envelopeOf(parseJson(message))
  if (place === undefined) return message
  const member = [...place, 'replayed']
  const inserted = insertMember(message, member, 'true')
  return applied(message, inserted === 'present' ? replaceValue(message, member, 'true') : inserted)
}

/** Where AdCP has its envelope: an MCP tool's result, the first data part of an A2A task, or the document itself. */
function envelopeOf(message: unknown): Pointer | undefined {
  if (isObject(valueAt(message, ['result', 'structuredContent']))) return ['result', 'structuredContent']
  const artifacts = valueAt(message, ['result', 'artifacts'])
  for (const [i, artifact] of entries(artifacts)) {
    for (const [j, part] of entries(valueAt(artifact, ['parts']))) {
      if (isObject(valueAt(part, ['data']))) return ['result', 'artifacts', String(i), 'parts', String(j), 'data']
    }
  }
  return isObject(message) && !Object.hasOwn(message, 'jsonrpc') ? [] : undefined
}

const entries = (value: unknown): [number, unknown][] => (Array.isArray(value) ? [...value.entries()] : [])

const withoutCoding = (fields: Fields): Fields => pickFields(fields, name => name !== 'content-encoding')
