/** Counts the assertions in TAP, those of subtests included, and subtests themselves not. Skipped ones and TODOs are neither. */
export function countAsserts(tap: string): { passed: number; failed: number } {
  const counts = { passed: 0, failed: 0 }
  /** Indents at which a subtest was announced and not yet concluded. */
  const open = new Set<number>()
  let inDiagnostics = false
  for (const line of tap.split('\n')) {
    const text = line.trimStart()
    const indent = line.length - text.length
    if (inDiagnostics) inDiagnostics = text !== '...'
    else if (text === '---') inDiagnostics = true
    else if (text.startsWith('# Subtest')) open.add(indent)
    else if (/^(?:not )?ok\b/.test(text)) {
      // A buffered subtest announces and concludes itself in one line.
      if (open.delete(indent) || text.endsWith(' {')) continue
      if (/ # (?:SKIP|TODO)\b/i.test(text)) continue
      counts[text.startsWith('not') ? 'failed' : 'passed']++
    }
  }
  return counts
}
