import { suggest } from '../config/did-you-mean.js'
import type { Outcome } from '../policy/types.js'
import { UsageError } from './command.js'

/** An outcome, as it was written. */
export type Scripted = { readonly text: string; readonly outcome: Outcome }

const FAULTS: Readonly<Record<string, Outcome>> = {
  reset: { kind: 'fault', fault: 'connection_terminated', phase: 'reset', details: 'reset' },
  refused: { kind: 'fault', fault: 'connection_refused', phase: 'connect', details: 'refused' },
  timeout: { kind: 'fault', fault: 'http_response_timeout', phase: 'timeout', details: 'timeout' },
  junk: { kind: 'fault', fault: 'http_protocol_error', phase: 'junk', details: 'junk' },
}

/** `503,429:retry-after=2;x-a=b,reset,200`: what an upstream does, attempt by attempt. @throws UsageError */
export function parseAnswers(text: string): Scripted[] {
  const parts = text.split(',').map(part => part.trim())
  return text.trim() === '' ? [] : parts.map(part => ({ text: part, outcome: parseAnswer(part) }))
}

function parseAnswer(text: string): Outcome {
  const fault = Object.hasOwn(FAULTS, text) ? FAULTS[text] : undefined
  if (fault !== undefined) return fault
  const [status = '', ...rest] = text.split(':')
  if (!/^[2-5]\d\d$/.test(status)) {
    const hint = /^\d*$/.test(status) ? '; a status is 200 to 599' : suggest(status, Object.keys(FAULTS))
    throw new UsageError(`--answers: "${text}" is no answer${hint}`)
  }
  const fields = rest.join(':').split(';').filter(Boolean).flatMap(parseField)
  return { kind: 'answer', status: Number(status), fields }
}

function parseField(text: string): string[] {
  const parts = /^\s*([!#$%&'*+.^`|~\w-]+)\s*=(.*)$/.exec(text)
  if (parts === null) throw new UsageError(`--answers: "${text}" is no field; write 429:retry-after=2`)
  return [parts[1] ?? '', (parts[2] ?? '').trim()]
}
