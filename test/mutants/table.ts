/**
 * The mutants as a table: what has killed each, and which are left.
 *
 * @module
 */
import type { Verdict } from './gates.ts'
import type { Mutant } from './mutant.ts'

export interface Result {
  readonly mutant: Mutant
  readonly verdicts: readonly Verdict[]
  readonly tookMs: number
}

const isKilled = ({ verdicts }: Result): boolean => verdicts.some(({ killed }) => killed)

/** Whether it is as it should be: killed, or known to make no difference. */
const isExpected = (result: Result): boolean => isKilled(result) !== (result.mutant.survives !== undefined)

export function row(result: Result): string {
  const { mutant, verdicts, tookMs } = result
  const state = isKilled(result) ? 'killed  ' : 'SURVIVES'
  const told = verdicts.map(({ gate, killed, by }) => `${killed ? 'by the' : 'passes the'} ${gate}: ${by}`)
  const seconds = `${(tookMs / 1000).toFixed(1)} s`.padStart(7)
  return [`${state} ${mutant.id.padEnd(34)} ${seconds}  ${mutant.what}`, ...told].join('\n           ')
}

/** What all of them come to. Its last line says how many are as they should be. */
export function conclusion(
  results: readonly Result[],
  bad: readonly number[],
  tookMs: number,
): { text: string; failed: number } {
  const lines: string[] = ['']
  const survivors = results.filter((result) => !isKilled(result))
  const list = (title: string, of: readonly Result[], says: (mutant: Mutant) => string) => {
    if (of.length === 0) return
    lines.push(title, ...of.map(({ mutant }) => `  ${mutant.id}: ${says(mutant)}`), '')
  }
  list(
    'Survive, and make no difference:',
    survivors.filter(({ mutant }) => mutant.survives !== undefined),
    ({ survives }) => survives ?? '',
  )
  list(
    'SURVIVE, and should not:',
    survivors.filter(({ mutant }) => mutant.survives === undefined),
    ({ what }) => what,
  )
  list(
    'Were taken to make no difference, and are killed:',
    results.filter((result) => isKilled(result) && result.mutant.survives !== undefined),
    ({ survives }) => survives ?? '',
  )
  const by = (gate: Verdict['gate'], killed: boolean) =>
    results.filter(({ verdicts }) => verdicts.some((each) => each.gate === gate && each.killed === killed))
  const names = (title: string, of: readonly Result[]) => {
    if (of.length > 0) lines.push(title, `  ${of.map(({ mutant }) => mutant.id).join(', ')}`, '')
  }
  const bySimulator = by('simulator', true)
  names(
    'Noticed by unit tests, and not by the simulator:',
    by('simulator', false).filter((result) => by('unit tests', true).includes(result)),
  )
  names(
    'Noticed by the simulator, and not by the unit tests that were hinted at:',
    by('unit tests', false).filter((result) => bySimulator.includes(result)),
  )
  names(
    'Said to be seen by no simulated run, each with a reason:',
    results.filter(({ mutant }) => mutant.unseen !== undefined),
  )
  const killed = results.filter(isKilled).length
  const unexpected = results.filter((result) => !isExpected(result)).length
  if (bad.length > 0)
    lines.push(
      'Schedules that the sources as they are do not pass, which were left out:',
      `  ${bad.map((seed) => `seed ${seed}`).join(', ')}`,
      '',
    )
  const failed = unexpected + bad.length
  lines.push(
    `${results.length} mutants, ${killed} killed (${bySimulator.length} by the simulator), in ${Math.round(tookMs / 1000)} s`,
    `${results.length - unexpected} passed, ${failed} failed`,
  )
  return { text: lines.join('\n'), failed }
}
