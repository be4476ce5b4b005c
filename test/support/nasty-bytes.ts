/** What is put into an answer to damage it: line ends, separators, digits, and another answer. */
export const NASTY_BYTES: readonly string[] = [
  ...['\r', '\n', '\r\n', '\0', ' ', '\t', ':', ';', ',', '0', 'f', '-', '\xff', '\r\n\r\n'],
  'HTTP/1.1 200 OK\r\n\r\n',
]
