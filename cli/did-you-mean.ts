/** Suggests the known word closest to a mistyped one. @module */

/** Most edits between a mistyped word and the right one. */
const MOST_EDITS = 2

/** The nearest word among `known`: one or two edits away, or one that begins with `word`. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  const begins = known.filter((each) => typed.length > 1 && each.toLowerCase().startsWith(typed))
  if (begins.length === 1) return begins[0]
  const ranked = known
    .map((each) => ({ each, edits: editsBetween(typed, each.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)
  const [best] = ranked
  return best && best.edits <= Math.min(MOST_EDITS, best.each.length / 2) ? best.each : undefined
}

/** Levenshtein's distance. */
function editsBetween(a: string, b: string): number {
  // A word that is longer than every known name is near none.
  if (a.length > 40) return Infinity
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

/** `; did you mean karapace?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}
