/** The findings of an examination: one sentence each, and how bad it is. @module */
import type { Colour, Terminal } from './terminal.ts'

export interface Finding {
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped'
  /** The examined part. */
  readonly check: string
  readonly says: string
  /** What to do about it. */
  readonly advice?: string
}

const MARKS: Readonly<Record<Finding['status'], readonly [Colour, string]>> = {
  ok: ['green', 'ok      '],
  warning: ['yellow', 'warning '],
  problem: ['red', 'PROBLEM '],
  skipped: ['dim', 'skipped '],
}

export const ok = (check: string, says: string): Finding => ({ status: 'ok', check, says })
export const skipped = (check: string, says: string): Finding => ({ status: 'skipped', check, says })
export const warning = (check: string, says: string, advice?: string): Finding => ({
  status: 'warning',
  check,
  says,
  ...(advice !== undefined && { advice }),
})
export const problem = (check: string, says: string, advice?: string): Finding => ({
  ...warning(check, says, advice),
  status: 'problem',
})

export const hasProblem = (findings: readonly Finding[]): boolean =>
  findings.some(({ status }) => status === 'problem')

/** Writes the findings, for people or as one JSON object. */
export function report(findings: readonly Finding[], terminal: Terminal, asJson: boolean): void {
  if (asJson) {
    terminal.say(terminal.redact(JSON.stringify({ ok: !hasProblem(findings), findings })))
    return
  }
  const advised = new Set<string>()
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  for (const { status, check, says, advice } of findings) {
    const [colour, mark] = MARKS[status]
    terminal.say(`${terminal.paint(colour, mark)} ${check.padEnd(width)}  ${terminal.redact(says)}`)
    // The same advice for several findings is printed once.
    if (advice !== undefined && !advised.has(advice))
      terminal.say(`${' '.repeat(width + 11)}→ ${terminal.redact(advice)}`)
    if (advice !== undefined) advised.add(advice)
  }
  const problems = findings.filter(({ status }) => status === 'problem').length
  const warnings = findings.filter(({ status }) => status === 'warning').length
  const count = (n: number, what: string) => `${n === 0 ? 'no' : n} ${what}${n === 1 ? '' : 's'}`
  const sum = `${count(problems, 'problem')}, ${count(warnings, 'warning')}`
  terminal.say(terminal.paint(problems > 0 ? 'red' : 'bold', sum))
}
