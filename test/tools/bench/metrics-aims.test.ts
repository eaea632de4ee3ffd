import { expect, it } from 'vitest'
import { judgeMetrics } from '../../../tools/bench/aims.ts'
import { GROUPS, ratiosOf } from '../../../tools/bench/ratios.ts'
import type { SpeedSample } from '../../../tools/bench/speed.ts'
import { SUBJECTS } from '../../../tools/bench/subjects.ts'
import { keyOf, valueOf } from '../../../tools/bench/workload.ts'

const group = {
  title: 'Hits',
  subjects: ['kedge peek, no metrics', 'kedge peek, API metrics', 'kedge peek, OTLP metrics'],
}
const rounds = (...ns: number[]): SpeedSample[] => ns.map((each) => ({ ns: each, checksum: 0, reads: 1 }))

const judged = (floor: number[], api: number[], otlp: number[]) =>
  judgeMetrics(
    ratiosOf(
      group,
      new Map(group.subjects.map((subject, at) => [subject, rounds(...[floor, api, otlp][at]!)])),
    ),
  ).map(({ name, got, met }) => [name, got, met])

it('is judged by the median of the rounds: one lucky round decides nothing, and neither does a slow moment', () => {
  // The third round of the floor was lucky, and in the second the machine was busy for all of them.
  expect(judged([40, 80, 20], [40, 80, 40], [42, 84, 42])).toEqual([
    ['kedge peek, API metrics, beside none', 1, true],
    ['kedge peek, OTLP metrics, beside none', 1.05, true],
  ])
  // One lucky round does not hide what most of them have cost.
  expect(judged([40, 40, 40], [48, 48, 40], [60, 60, 40])).toEqual([
    ['kedge peek, API metrics, beside none', 1.2, false],
    ['kedge peek, OTLP metrics, beside none', 1.5, false],
  ])
})

it('has hits with every kind of metrics, beside hits without', async () => {
  const subjects = GROUPS.flatMap(({ subjects: all }) => all).filter((name) => name.endsWith('metrics'))
  expect(subjects).toEqual(
    ['kedge peek', 'kedge getOrSet'].flatMap((read) =>
      ['no metrics', 'metrics', 'API metrics', 'OTLP metrics'].map((kind) => `${read}, ${kind}`),
    ),
  )
  const entries = Array.from({ length: 20 }, (_, index) => [keyOf(index), valueOf(index)] as const)
  for (const subject of subjects) {
    const { kind, read, check } = await SUBJECTS[subject]!(entries)
    expect(kind === 'many').toBe(false)
    for (const [key, value] of entries) expect(await read(key as never)).toEqual(value)
    check!()
  }
})
