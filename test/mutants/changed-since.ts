/** Which mutants a change may concern: those of the files that it touches. @module */
import { execFileSync } from 'node:child_process'
import { changesOf } from './change.ts'
import type { Mutant } from './mutant.ts'

/**
 * Whether a mutant changes a file that differs from where this branch left `reference`, or its hinted tests do.
 *
 * @throws Error where git does not know the reference
 */
export function changedSince(reference: string): (mutant: Mutant) => boolean {
  const git = ['diff', '--name-only', '--merge-base', reference]
  const changed = new Set(execFileSync('git', git, { encoding: 'utf8' }).trim().split('\n'))
  return (mutant) =>
    changesOf(mutant).some(({ file }) => changed.has(file)) ||
    mutant.hint.some((file) => changed.has(`test/${file}`))
}
