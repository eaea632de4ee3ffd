/**
 * Races kedge and its peers, and prints what came of it. Ends with 1 when kedge fails a race.
 *
 * `--markdown` prints a table, `--later=60` asks for the key of a cancelled leader that many seconds later.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { meet } from './meeting.ts'
import type { Score } from './meeting.ts'
import { SUBJECTS } from './subjects/index.ts'
import { configurations, evidence, markdown } from './table.ts'

const { values } = parseArgs({
  options: { markdown: { type: 'boolean', default: false }, later: { type: 'string', default: '0' } },
})
const laterMs = Number(values.later) * 1000
if (!(laterMs >= 0 && laterMs <= 600_000))
  throw new TypeError('`--later` is a number of seconds, at most 600')

const scores: Score[] = await Promise.all(SUBJECTS.map((subject) => meet(subject, { laterMs })))
console.log(values.markdown ? `${markdown(scores)}\n\n${configurations(scores)}` : evidence(scores))

const own = scores.find(({ subject }) => subject.name === 'kedge')
const failed = Object.entries(own?.results ?? {}).filter(([, { outcome }]) => outcome !== 'pass')
for (const [name, { seen }] of failed) console.error(`kedge fails: ${name}: ${seen}`)
process.exitCode = own !== undefined && failed.length === 0 ? 0 : 1
