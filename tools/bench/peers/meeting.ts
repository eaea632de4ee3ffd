/** All races of a subject. @module */
import { readFile } from 'node:fs/promises'
import { cancelled } from './cancelled.ts'
import { RACE_NAMES } from './outcome.ts'
import type { RaceName, Result } from './outcome.ts'
import { race, RACES } from './races.ts'
import type { LocalRaceName } from './races.ts'
import type { Subject } from './subject.ts'

export interface Score {
  readonly subject: Subject
  /** From its package.json. */
  readonly version: string
  readonly results: Readonly<Record<RaceName, Result>>
}

export interface MeetingOptions {
  /** How long after the follower of a cancelled leader the key is asked for again. @default 0 */
  readonly laterMs?: number
}

/** Runs all races of the subject, those at once that wait most of their time. */
export async function meet(subject: Subject, { laterMs = 0 }: MeetingOptions = {}): Promise<Score> {
  const local = Promise.all(
    (Object.keys(RACES) as LocalRaceName[]).map(async (name) => [name, await race(subject, name)] as const),
  )
  const inWorkerd = cancelled(subject, { laterMs })
  // None of them may be left running when another one is over.
  await Promise.allSettled([local, inWorkerd])
  const results = new Map<RaceName, Result>(await local)
  const { joined, follower, later, kept } = await inWorkerd
  results.set('two requests for one key in workerd', joined)
  results.set('leader cancelled in workerd', follower)
  results.set('key of a cancelled leader, later', later)
  results.set('leader cancelled in workerd, its call kept alive', kept)
  const ordered = RACE_NAMES.map((name) => [name, results.get(name)] as const)
  return {
    subject,
    version: await versionOf(subject.name),
    results: Object.fromEntries(ordered) as Record<RaceName, Result>,
  }
}

const ROOT = new URL('../../../', import.meta.url)

/** The version that is installed; of kedge, its own. */
async function versionOf(name: string): Promise<string> {
  const file = name === 'kedge' ? 'package.json' : `node_modules/${name}/package.json`
  const { version } = JSON.parse(await readFile(new URL(file, ROOT), 'utf8')) as { version: string }
  return version
}
