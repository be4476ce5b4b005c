/**
 * Header or trailer fields as they crossed the wire: name, value, name, value … in order, with their case and
 * repeats, as latin1 text (RFC 9110 §5). A flat array, because that is what can be passed on without a change.
 */
export type Fields = readonly string[]

/** Whether `name` is `lower` in any case (RFC 9110 §5.1). No string is made for it: this is asked of every field. */
export function isNamed(name: string, lower: string): boolean {
  if (name.length !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const [char, wanted] = [name.charCodeAt(i), lower.charCodeAt(i)]
    if (char !== wanted && !((char | 0x20) === wanted && isLetter(wanted))) return false
  }
  return true
}

/** Of the lower case. */
const isLetter = (char: number): boolean => char >= 0x61 && char <= 0x7a

/** The first value of a field. @param name in lower case. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i] as string, name)) return fields[i + 1]
  }
  return undefined
}

/** Every value of a field, in order. @param name in lower case. */
export function fieldValues(fields: Fields, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i] as string, name)) values.push(fields[i + 1] as string)
  }
  return values
}

/** The members of a comma-separated list field over all its lines, trimmed, in lower case (RFC 9110 §5.6.1). */
export function fieldTokens(fields: Fields, name: string): string[] {
  return fieldValues(fields, name)
    .flatMap(value => value.split(','))
    .map(token => token.trim().toLowerCase())
    .filter(token => token !== '')
}

/** The lines whose names are wanted; order, case and repeats stay. @param wanted told the name in lower case */
export function pickFields(fields: Fields, wanted: (name: string) => boolean): string[] {
  const picked: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (wanted(name.toLowerCase())) picked.push(name, fields[i + 1] as string)
  }
  return picked
}
