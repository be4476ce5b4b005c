import type { Pointer } from './pointer.js'
import { type Located, locate } from './scan.js'

/** Why a text stays as it is: what `locate` found instead · the member is there already · its object is not. */
export type SpliceRefusal = Exclude<Located['kind'], 'found' | 'absent'> | 'present' | 'absent'

/**
 * The text with one more member, every other byte as it was: big integers, order, white space (I2). Only the last token
 * of the pointer may be missing: objects on the way are not invented.
 * @param json the value as JSON text
 */
export function insertMember(text: Buffer, pointer: Pointer, json: string): Buffer | SpliceRefusal {
  const located = locate(text, pointer)
  if (located.kind === 'found') return 'present'
  if (located.kind !== 'absent') return located.kind
  const name = pointer.at(-1)
  if (located.room === undefined || name === undefined) return 'absent'
  const { at, empty } = located.room
  return spliced(text, at, at, `${empty ? '' : ','}${JSON.stringify(name)}:${json}`)
}

/** The text with another value in one place, every other byte as it was. @param json the value as JSON text */
export function replaceValue(text: Buffer, pointer: Pointer, json: string): Buffer | SpliceRefusal {
  const located = locate(text, pointer)
  return located.kind === 'found' ? spliced(text, located.start, located.end, json) : located.kind
}

const spliced = (text: Buffer, start: number, end: number, json: string): Buffer =>
  Buffer.concat([text.subarray(0, start), Buffer.from(json), text.subarray(end)])
