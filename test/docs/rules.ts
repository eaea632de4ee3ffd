/**
 * How each command of the pages is tested: run here, run by another part of what a clean clone must pass, or checked
 * without being run, with the reason. A command that no rule takes is a failure.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RUN_ELSEWHERE } from './run-elsewhere.ts'
import { RUN_HERE } from './run-here.ts'
import { CHECKED } from './checked.ts'
import type { Rule } from './rule.ts'
import { ROOT } from '../package/tarball.ts'

/** The first rule that takes a command tests it. */
export const RULES: readonly Rule[] = [...RUN_ELSEWHERE, ...RUN_HERE, ...CHECKED]

const settings: ReadonlySet<string> = new Set(
  (await Promise.all(globSync('cli/settings/*.ts', { cwd: ROOT }).map((path) => import(join(ROOT, path)))))
    .flatMap((module) => Object.values(module as Record<string, unknown>).flat())
    .map((each) => (each as { readonly env?: string } | undefined)?.env)
    .filter((name) => name !== undefined),
)

let sources: string | undefined

/** Whether anything reads this variable: a setting of the command, or the code by its name. */
export function isRead(name: string): boolean {
  if (settings.has(name)) return true
  sources ??= globSync(['{test,examples,tools,worker}/**/*.ts', 'package.json'], { cwd: ROOT })
    .filter((path) => !path.includes('node_modules') && !path.startsWith('test/docs/'))
    .map((path) => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n')
  return new RegExp(String.raw`\b${name}\b`).test(sources)
}
