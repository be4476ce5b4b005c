import { type Fields, fieldValue } from './fields.js'

/**
 * The client says that this request is its own repeat of an earlier one, so it is charged to the retry budget (R11).
 * OpenAI and Anthropic SDKs count repeats, AWS SDKs number attempts from 1, gRPC counts earlier attempts (gRFC A6).
 */
export function isClientRepeat(fields: Fields): boolean {
  return (
    isPositive(fieldValue(fields, 'x-stainless-retry-count')) ||
    isLaterAttempt(fieldValue(fields, 'amz-sdk-request')) ||
    isPositive(fieldValue(fields, 'grpc-previous-rpc-attempts'))
  )
}

/** The client numbers its tries, so its repeats can be told from new requests. */
export const countsRepeats = (fields: Fields): boolean =>
  fieldValue(fields, 'x-stainless-retry-count') !== undefined || fieldValue(fields, 'amz-sdk-request') !== undefined

const isPositive = (text: string | undefined): boolean => text !== undefined && /^[ \t]*0*[1-9]\d*[ \t]*$/.test(text)

function isLaterAttempt(text: string | undefined): boolean {
  const attempt = text === undefined ? undefined : /(?:^|[;,\s])attempt=(\d+)/.exec(text)?.[1]
  return attempt !== undefined && Number(attempt) > 1
}
