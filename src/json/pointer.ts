/** The reference tokens of a JSON pointer (RFC 6901), unescaped; empty for the whole document. */
export type Pointer = readonly string[]

/** @param text as `/a/b~1c` or empty @returns undefined when it is no pointer */
export function parsePointer(text: string): Pointer | undefined {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

export const formatPointer = (pointer: Pointer): string =>
  pointer.map(token => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
