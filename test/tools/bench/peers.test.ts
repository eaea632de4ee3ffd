import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { EXPECTED } from '../../../tools/bench/peers/expected.ts'
import { meet } from '../../../tools/bench/peers/meeting.ts'
import { RACE_NAMES } from '../../../tools/bench/peers/outcome.ts'
import { race } from '../../../tools/bench/peers/races.ts'
import type { LocalRaceName } from '../../../tools/bench/peers/races.ts'
import type { Subject } from '../../../tools/bench/peers/subject.ts'
import { SUBJECTS } from '../../../tools/bench/peers/subjects/index.ts'
import { configurations, markdown } from '../../../tools/bench/peers/table.ts'
import { bundle } from '../../runtime/bundle.ts'
import type { Replacement } from '../../runtime/bundle.ts'

const ROOT = new URL('../../../', import.meta.url)

// All at once, because they wait most of their time; each race is one test below.
const scores = await Promise.all(SUBJECTS.map((subject) => meet(subject)))

const of = (name: string): (typeof scores)[number] => {
  const found = scores.find(({ subject }) => subject.name === name)
  if (!found) throw new Error(`${name} is not raced`)
  return found
}

/** Without what only lines up its tables. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/-{3,}/g, '---')

describe('kedge', () => {
  it.for([...RACE_NAMES])('passes: %s', (name) => {
    expect(of('kedge').results[name]).toMatchObject({ outcome: 'pass' })
  })
})

describe('peers', () => {
  const cases = Object.keys(EXPECTED).flatMap((peer) => RACE_NAMES.map((name) => [peer, name] as const))
  it.for(cases)('%s does as it is recorded: %s', ([peer, name]) => {
    const { outcome, seen } = of(peer).results[name]
    expect(outcome, seen).toBe(EXPECTED[peer]?.[name])
  })

  it('are all recorded', () => {
    expect(Object.keys(EXPECTED)).toEqual(SUBJECTS.slice(1).map(({ name }) => name))
  })

  it('are documented as they are, each in its version', async () => {
    const documented = plain(await readFile(new URL('docs/peers.md', ROOT), 'utf8'))
    expect(documented).toContain(plain(markdown(scores)))
    expect(documented).toContain(plain(configurations(scores)))
  })
})

describe('a race is lost by kedge', () => {
  /** kedge as it is raced, with a part of it replaced. */
  async function lacking(replacement: Replacement): Promise<Subject> {
    const entry = new URL('tools/bench/peers/subjects/kedge.ts', ROOT)
    const { code } = await bundle(entry, { replacements: [replacement] })
    const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
    return ((await import(/* @vite-ignore */ url)) as { kedge: Subject }).kedge
  }

  const fence: Replacement = {
    file: 'src/coherence/coherent-store.ts',
    from: 'if (reason !== undefined) return this.#refuse(key, reason)\n',
    to: "if (reason !== undefined && reason !== 'fenced') return this.#refuse(key, reason)\n",
  }
  const joinability: Replacement = {
    file: 'src/read/single-flight.ts',
    from: 'if (!this.#space.joinable(key, flight.asOf, flight.startedAt, now)) return false\n',
    to: '',
  }

  const tags: Replacement = {
    file: 'src/coherence/eviction-table.ts',
    from: 'for (const tag of value.tags) if (kills(this.#tags.get(tag), value)) return true\n',
    to: '',
  }
  const promise: Replacement = {
    file: 'tools/bench/peers/subjects/kedge.ts',
    from: "onUnreachable: 'bypass' })",
    to: "onUnreachable: 'bypass', maxStaleness: '1h' })",
  }

  it.concurrent.for<[LocalRaceName, string, Replacement]>([
    ['load across its invalidation', 'loads were not fenced', fence],
    ['load across an invalidation elsewhere', 'loads were not fenced', fence],
    ['load across an invalidation of its tag', 'tags were not checked', tags],
    ['caller after an invalidation', 'any load could be joined', joinability],
    ['lost message', 'an hour were fresh enough', promise],
    ['restart of the bus, reader back first', 'an hour were fresh enough', promise],
    ['restart of the bus, writer back first', 'an hour were fresh enough', promise],
  ])('%s, if %s', async ([name, , replacement], { expect: expectHere }) => {
    expectHere(await race(await lacking(replacement), name)).toMatchObject({ outcome: 'fail' })
  })
})
