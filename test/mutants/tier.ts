/**
 * Mutants of a shared tier: which of its values are used, and how it follows the log.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const SHARED = 'src/tier/shared-tier.ts'
const ADMISSION = 'src/coherence/admission.ts'
const ASK = 'src/read/ask-sources.ts'
const FOLLOWER = 'services/sync/tier-follower.ts'
const EVICTIONS = 'services/sync/tier-evictions.ts'

export const tierMutants: readonly Mutant[] = [
  {
    id: 'M9',
    what: 'A value is put into the tier as of the moment at which it is put there.',
    file: SHARED,
    from: '([key, value]) => [value, putMessage(this.#shared, space, key, value)] as const)',
    to: `([key, loaded]) => {
      const value = { ...loaded, asOf: Math.max(loaded.asOf, space.asOf) }
      return [value, putMessage(this.#shared, space, key, value)] as const
    })`,
    breaks: ['I2', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'tier-without-proof',
    what: 'A value of the tier is held before freshness is proved.',
    file: SHARED,
    from: 'if (found.length > 0 && (await proved) && !context.signal?.aborted) {',
    to: 'if (found.length > 0 && !context.signal?.aborted) {',
    // Both look: the tier, and what lets it hold its values.
    also: [{ file: ASK, from: 'if (!isProved || signal', to: 'if (signal' }],
    breaks: ['I1', 'I8'],
    focus: 'a tier for isolates that know little',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'uncovered-believed',
    what: 'A value that arrived after the tier applied evictions counts as checked against them.',
    file: SHARED,
    from: 'const known = item.covered ? knownTo(answer!.applied, partition) : -1',
    to: 'const known = knownTo(answer!.applied, partition)',
    breaks: ['I2', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['src/tier/tier.test.ts'],
  },
  {
    id: 'tier-of-another-log',
    what: 'What the tier has applied of another log counts.',
    file: ADMISSION,
    from: 'if (applied === undefined || applied.logId !== logId) return -1',
    to: 'if (applied === undefined) return -1',
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'tier-ahead-of-the-log',
    what: 'Without a log identity, a tier whose position is beyond the end of the log is used.',
    file: ADMISSION,
    from: 'if (logId === undefined && applied.position > asOf) return -1',
    to: '',
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'tier-across-generations',
    what: 'A value that was requested before a resync is judged as if it had been requested after it.',
    file: SHARED,
    from: 'const generation = partition.generation || 1',
    to: 'const generation = undefined as unknown as number',
    breaks: ['I2', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['src/tier/tier.test.ts'],
  },
  {
    id: 'two-as-ofs',
    what: 'A value of the tier is used though its two as-ofs differ.',
    file: SHARED,
    from: 'arrived.asOf === asOf ? candidateOf',
    to: 'asOf >= 0 ? candidateOf',
    breaks: ['I3'],
    hint: ['src/tier/carried-values.test.ts'],
    unseen: 'A simulated tier keeps what isolates have written, as they have.',
  },
  {
    id: 'value-of-another-key',
    what: 'The cache takes an item at the place of a key for its value, though the item names another key.',
    file: SHARED,
    from: "if (arrived?.kind === 'value' && arrived.namespace === name && arrived.key === key) {",
    to: "if (arrived?.kind === 'value' && name && key) {",
    breaks: ['I12'],
    focus: 'tier',
    hint: ['src/tier/carried-values.test.ts'],
    unseen: 'No isolate of a simulated fleet writes a value into the place of another one.',
  },
  {
    id: 'removals-kill-newer',
    what: 'An eviction of our own removes from the tier what is newer than itself.',
    file: SHARED,
    from: 'this.#tier.deleteMany(place, keys, offset, { signal }),',
    to: 'this.#tier.deleteMany(place, keys, offset + 1_000_000, { signal }),',
    breaks: [],
    hint: ['src/tier/carried-values.test.ts'],
    unseen: 'Dropping a value is always safe.',
  },
  {
    id: 'tier-begins-covered',
    what: 'An applier that begins again leaves what is in the tier covered, though it has missed evictions.',
    file: FOLLOWER,
    from: "if (reason !== 'start' && applied?.logId === logId) await begin({ position: 0, logId: NO_LOG })",
    to: 'void applied',
    breaks: ['I2', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['services/sync/tier-follower.test.ts'],
  },
  {
    id: 'tier-position-before-evictions',
    what: 'The applied position of a tier passes evictions that were left for the next batch.',
    file: FOLLOWER,
    from: 'const to = fresh.length > batch.length ? batch.at(-1)!.offset + 1 : read',
    to: 'const to = read',
    breaks: ['I2', 'I3', 'I6'],
    focus: 'a tier for isolates that know little',
    hint: ['services/sync/tier-follower.test.ts'],
  },
  {
    id: 'tier-gap-ignored',
    what: 'An applier does not see that its tier was wiped while it read.',
    file: FOLLOWER,
    from: "if (outcome === 'gap') return 'start'",
    to: '',
    breaks: ['I11'],
    focus: 'tier',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'tier-truncated-unnoticed',
    what: 'An applier does not see that retention has taken records that it has not applied.',
    file: 'services/sync/reason-to-begin.ts',
    from: "return applied.position < beginning ? 'truncated' : undefined",
    to: 'return undefined',
    also: [
      {
        file: FOLLOWER,
        from: "if (outOfRange.length > 0) return 'truncated'",
        to: `if (outOfRange.length > 0) {
      const skip = { partition, logId, from: followed.position, to: followed.end, evictions: [] }
      await this.#within(signal, (inner) => this.#applier.apply(skip, { signal: inner }))
      followed.position = followed.end
      return undefined
    }`,
      },
    ],
    breaks: ['I2', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['services/sync/tier-follower.test.ts'],
  },
  {
    id: 'tier-log-replaced-unnoticed',
    what: 'An applier takes another log without an identity for the same.',
    file: FOLLOWER,
    from: "if (logId === undefined && last && first && !isSame(first, last)) return 'replaced'",
    to: '',
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['services/sync/tier-follower.test.ts'],
  },
  {
    id: 'tier-stalled-passes-over',
    what: 'An applier passes over a record that no answer holds, as if it had applied it.',
    file: FOLLOWER,
    from: "return followed.position < end ? 'stalled' : undefined",
    to: `if (followed.position < end) {
      const skip = { partition, logId, from: followed.position, to: end, evictions: [] }
      await this.#within(signal, (inner) => this.#applier.apply(skip, { signal: inner }))
      followed.position = end
    }
    return undefined`,
    breaks: ['I2', 'I3'],
    hint: ['services/sync/tier-follower.test.ts'],
    unseen: 'No simulated record is larger than the largest answer that an applier asks for.',
  },
  {
    id: 'tier-prefixes-lost',
    what: 'Evictions of prefixes are no evictions of a group for a tier.',
    file: EVICTIONS,
    from: 'group: all || tags.length > 0 || prefixes.length > 0,',
    to: 'group: all || tags.length > 0,',
    breaks: ['I1', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['src/tier/carried-values.test.ts'],
  },
  {
    id: 'tier-names-lost',
    what: 'A record without a value whose key names a namespace evicts nothing of it in a tier.',
    file: EVICTIONS,
    from: 'for (const namespace of clears)',
    to: 'for (const namespace of [] as string[])',
    breaks: ['I1', 'I3'],
    focus: 'a tier for isolates that know little',
    hint: ['services/sync/tier-follower.test.ts'],
  },
]
