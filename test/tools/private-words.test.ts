import { describe, expect, it } from 'vitest'
import { privateWordsIn } from '../../tools/private-words.ts'

describe('the check of names', () => {
  it.each([
    ['src/coherence/keyspace.ts', ''],
    ['services/sync/row-patience.ts', ''],
    ['cli/utils.ts', ''],
    ['adapters/kafka/redpanda/offsets.ts', 'export class SoundedOffsets {}'],
    ['src/read/flight.ts', 'export interface Landed<T> {\n  value: T\n}'],
    ['worker/node.ts', 'export async function harvest() {}'],
    ['src/coherence/follower.ts', 'const a = 1\nexport const PATIENCE_MS = 3\n'],
  ])('finds a private word in %s %s', (path, source) => {
    expect(privateWordsIn(path, source)).toHaveLength(1)
  })

  it.each([
    ['src/coherence/coherent-store.ts', 'export class CoherentStore {}'],
    ['src/ports/early.ts', 'export type Year = number'],
    ['test/src/patience.test.ts', 'export const PATIENCE = 3'],
    ['src/a.ts', 'const landed = 1 // export const landed'],
  ])('accepts %s %s', (path, source) => {
    expect(privateWordsIn(path, source)).toEqual([])
  })
})
