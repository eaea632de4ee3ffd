/**
 * Ratios to a floor: single nanoseconds mean little on a machine that does other things too.
 *
 * @module
 */
import { spreadOf } from './statistics.ts'
import type { Spread } from './statistics.ts'
import type { SpeedSample } from './speed.ts'

/** A floor, and the subjects that are measured beside it. */
export interface Group {
  readonly title: string
  /** The first is the floor. */
  readonly subjects: readonly string[]
}

export const GROUPS: readonly Group[] = [
  {
    title: 'A synchronous hit, beside Map get',
    subjects: [
      'Map get',
      'Map get, TTL by Date.now()',
      'quick-lru get',
      'lru-cache get',
      'lru-cache get, ttl',
      'layered-loader getInMemoryOnly',
      'kedge peek',
    ],
  },
  {
    title: 'A synchronous hit that is the only one of its turn (the `await` between them is counted)',
    subjects: ['Map get, one a turn', 'kedge peek, one a turn'],
  },
  {
    title: 'An awaited hit, beside `async (key) => map.get(key)`',
    subjects: ['async function', 'lru-cache fetch, ttl', 'layered-loader get', 'kedge get', 'kedge getOrSet'],
  },
  {
    title: 'Ten hits begun in one turn, then awaited',
    subjects: ['async function, 10 a turn', 'layered-loader get, 10 a turn', 'kedge getOrSet, 10 a turn'],
  },
  {
    title: 'Ten hits in one call',
    subjects: ['async function, 10 keys', 'kedge getMany, 10 keys'],
  },
  {
    title:
      'A synchronous hit with metrics in a registry of prom-client, with a meter of OpenTelemetry and no SDK, or pushed by OTLP, beside one without',
    subjects: [
      'kedge peek, no metrics',
      'kedge peek, metrics',
      'kedge peek, API metrics',
      'kedge peek, OTLP metrics',
    ],
  },
  {
    title: 'An awaited hit with metrics, beside one without',
    subjects: [
      'kedge getOrSet, no metrics',
      'kedge getOrSet, metrics',
      'kedge getOrSet, API metrics',
      'kedge getOrSet, OTLP metrics',
    ],
  },
]

export interface Ratio {
  readonly subject: string
  readonly ns: Spread
  /** To the floor of the same round. */
  readonly paired: Spread
  /** The best round of the subject to the best round of its floor. */
  readonly best: number
}

/** The ratios of a group, in its order. */
export function ratiosOf(group: Group, samples: ReadonlyMap<string, readonly SpeedSample[]>): Ratio[] {
  const nsOf = (subject: string): number[] => samples.get(subject)!.map(({ ns }) => ns)
  const floor = nsOf(group.subjects[0]!)
  return group.subjects.map((subject) => {
    const all = nsOf(subject)
    const ns = spreadOf(all)
    return {
      subject,
      ns,
      paired: spreadOf(all.map((each, round) => each / floor[round]!)),
      best: ns.min / Math.min(...floor),
    }
  })
}
