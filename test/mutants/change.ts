/**
 * How a mutant is made of the sources.
 *
 * @module
 */
import type { Change, Mutant } from './mutant.ts'

export const changesOf = ({ file, from, to, also = [] }: Mutant): readonly Change[] => [
  { file, from, to },
  ...also,
]

/**
 * The files that a mutant changes, as it has them.
 *
 * @throws Error where what it changes does not stand exactly once in its file
 */
export function applied(mutant: Mutant, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const { file, from, to } of changesOf(mutant)) {
    const text = files.get(file) ?? read(file)
    const times = text.split(from).length - 1
    if (times !== 1)
      throw new Error(`${mutant.id}: what it changes stands ${times} times in ${file}, not once:\n${from}`)
    files.set(
      file,
      text.replace(from, () => to),
    )
  }
  return files
}
