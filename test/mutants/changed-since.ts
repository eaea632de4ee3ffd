/** Which mutants a change may concern: those of the files that it touches. @module */
import { execFileSync } from 'node:child_process'
import { changesOf } from './change.ts'
import type { Mutant } from './mutant.ts'

/**
 * Whether a mutant changes a file that differs from where this branch left `reference`, or its hinted tests do. All are
 * concerned where what judges them differs: the simulator, the mutants themselves, what tests are made with.
 *
 * @throws Error where git does not know the reference
 */
export function changedSince(reference: string): (mutant: Mutant) => boolean {
  const git = ['diff', '--name-only', '--merge-base', reference]
  const changed = execFileSync('git', git, { encoding: 'utf8' }).trim().split('\n')
  return concernedBy(changed)
}

/** @param changed files, from the root of the repository */
export function concernedBy(changed: readonly string[]): (mutant: Mutant) => boolean {
  const isJudge = (file: string) =>
    file.startsWith('test/') && (/^test\/(?:mutants|sim)\//.test(file) || !file.endsWith('.test.ts'))
  if (changed.some(isJudge)) return () => true
  return (mutant) =>
    changesOf(mutant).some(({ file }) => changed.includes(file)) ||
    mutant.hint.some((file) => changed.includes(`test/${file}`))
}
