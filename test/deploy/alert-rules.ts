/** The alerts of deploy/prometheus, read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../package/tarball.ts'

export const RULES_FILE = join(ROOT, 'deploy/prometheus/kedge.rules.yml')
export const TESTS_FILE = join(ROOT, 'deploy/prometheus/kedge.tests.yml')

export interface Alert {
  readonly name: string
  readonly expr: string
  /** `undefined`: it fires at once. */
  readonly after: string | undefined
  readonly severity: string
  readonly annotations: Readonly<Record<string, string>>
}

/** The file has one way to write each of these: a rule that it finds none in has an empty text there. */
function alertsOf(text: string): readonly Alert[] {
  return text
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((block) => {
      const found = (pattern: RegExp) => pattern.exec(block)?.[1]
      const annotations = found(/^ {8}annotations:\n((?: {10}.*\n)+)/m) ?? ''
      const folded = found(/^ {8}expr: >-\n((?: {10}.*\n)+)/m)
      return {
        name: found(/^(\w+)\n/) ?? '',
        expr: (folded ?? found(/^ {8}expr: (.*)$/m) ?? '').replaceAll(/\s+/g, ' ').trim(),
        after: found(/^ {8}for: (\w+)$/m),
        severity: found(/^ {8}labels: \{ severity: (\w+) \}$/m) ?? '',
        annotations: Object.fromEntries(
          [...annotations.matchAll(/^ {10}(\w+): (.*)$/gm)].map(([, key, value]) => [key!, value!]),
        ),
      }
    })
}

export const ALERTS: readonly Alert[] = alertsOf(readFileSync(RULES_FILE, 'utf8'))
