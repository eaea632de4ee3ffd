/**
 * Mutants of values that come from elsewhere: pushed through the updates topic, or set.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const CANDIDATE = 'src/coherence/candidate.ts'
const ARRIVAL = 'src/coherence/admission.ts'
const UPDATES = 'src/replicate/updates-consumer.ts'
const APPLIER = 'src/replicate/updates-applier.ts'
const TABLE = 'src/coherence/eviction-table.ts'
const COHERENT_STORE = 'src/coherence/coherent-store.ts'
const UPDATES_PUBLISHER = 'src/replicate/updates-publisher.ts'

export const valueMutants: readonly Mutant[] = [
  {
    id: 'F1',
    what: 'No floor: a value of an older version than one that was evicted is held where its as-of is newer.',
    file: TABLE,
    from: "if (mark && value.version !== undefined && value.version < this.floorOf(key)) return 'superseded'",
    to: '',
    breaks: ['I3', 'I5'],
    hint: ['src/coherence/eviction-table.test.ts'],
    unseen: 'No simulated writer goes on with an older version of a row than one that is in the log already.',
  },
  {
    id: 'F2',
    what: 'Of two values the one that arrives later wins: a repeated old one replaces a new one.',
    file: CANDIDATE,
    from: 'return held.freshUntil > now && held.asOf > candidate.asOf',
    to: 'return false',
    breaks: ['I4', 'I5'],
    hint: ['src/replicate/pushed-values.test.ts'],
    unseen:
      'Between two values that differ stands an eviction, which refuses the older one before they are compared.',
  },
  {
    id: 'F2-versions',
    what: 'Of two values of different versions the one that arrives later wins.',
    file: CANDIDATE,
    from: 'return held.version > candidate.version',
    to: 'return false',
    breaks: ['I4', 'I5'],
    hint: ['src/replicate/pushed-values.test.ts'],
    unseen: 'The eviction of the higher version refuses the lower one before they are compared.',
  },
  {
    id: 'F4',
    what: 'When a value is evicted for want of room, the version floor of its key goes with it.',
    file: COHERENT_STORE,
    from: "this.#store = new S3FifoStore(settings, shared.budget, (key) => this.#dropped(key, 'capacity'))",
    to: `this.#store = new S3FifoStore(settings, shared.budget, (key) => {
      this.#table.forgets(key)
      this.#dropped(key, 'capacity')
    })`,
    also: [
      {
        file: TABLE,
        from: '/** Whether a tag, prefix or namespace eviction kills a held value. */',
        to: `forgets(key: string): void {
    this.#keys.delete(key)
  }

  /** Whether a tag, prefix or namespace eviction kills a held value. */`,
      },
    ],
    breaks: ['I3', 'I5'],
    focus: 'little room for values from elsewhere',
    hint: ['src/replicate/pushed-values.test.ts'],
  },
  {
    id: 'F5',
    what: 'An eviction that names a version does not raise the floor.',
    file: 'src/coherence/eviction-mark.ts',
    from: 'if (offset > mark.deleted) mark.versions = withVersion(mark.versions, { offset, version })',
    to: '',
    breaks: ['I1', 'I3', 'I5'],
    focus: 'versions from elsewhere',
    hint: ['src/coherence/eviction-table.test.ts'],
  },
  {
    id: 'ttl-of-strangers',
    what: 'A value from elsewhere lives as long as its message says: a forged one for weeks.',
    file: 'src/coherence/admission.ts',
    from: 'arrivedTtlMs(arrived.ttlMs, value, space.settings, place)',
    to: 'arrivedTtlMs(arrived.ttlMs, value, { ...space.settings, maxTtlMs: 2 ** 31 - 1 }, place)',
    breaks: ['I10'],
    hint: ['src/coherence/bounded-messages.test.ts'],
    unseen:
      'Simulated isolates are all of one configuration: no value names a longer TTL than the reader has.',
  },
  {
    id: 'update-of-another-key',
    what: 'An update under the record key of another entry is held: compaction never removes it.',
    file: 'src/wire/record-key.ts',
    from: 'recordKey === undefined || recordKey === entryKey',
    to: 'true || recordKey === entryKey',
    breaks: ['I3'],
    hint: ['src/coherence/bounded-messages.test.ts'],
    focus: 'poison',
  },
  {
    id: 'shared-as-of-now',
    what: 'A loaded value is published as of the moment of its publication.',
    file: UPDATES_PUBLISHER,
    from: 'const record = async () => [await valueRecord(this.#shared, space, key, value)]',
    to: `const later = { ...value, asOf: Math.max(value.asOf, space.asOf) }
    const record = async () => [await valueRecord(this.#shared, space, key, later)]`,
    breaks: ['I2', 'I3'],
    focus: 'values from elsewhere',
    hint: ['src/replicate/pushed-values.test.ts'],
  },
  {
    id: 'values-of-another-log',
    what: 'A value whose as-of is of another log is held.',
    file: ARRIVAL,
    from: "if (foreign || asOf > partition.asOf) return 'unanchored'",
    to: "if (asOf > partition.asOf) return 'unanchored'",
    breaks: ['I3', 'I4'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'values-of-the-future',
    what: 'A value is held whose as-of lies beyond the log.',
    file: ARRIVAL,
    from: "if (foreign || asOf > partition.asOf) return 'unanchored'",
    to: "if (foreign) return 'unanchored'",
    breaks: ['I3', 'I4'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'ttl-from-arrival',
    what: 'A value lives from its arrival, however old it is.',
    file: ARRIVAL,
    from: 'const ageMs = Math.max(0, wall - born)',
    to: 'const ageMs = Math.max(0, born - wall)',
    breaks: ['I10'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'writer-of-the-future',
    what: 'A value whose writer has a clock that runs far ahead is held.',
    file: ARRIVAL,
    from: "if (arrived.at !== undefined && arrived.at > wall + MAX_SKEW_MS) return 'expired'",
    to: '',
    breaks: ['I10'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'younger-of-two-clocks',
    what: 'Of two clocks that say when a value was written, the cache takes the one that makes it younger.',
    file: ARRIVAL,
    from: 'const born = Math.min(arrived.at ?? wall, writtenAt ?? wall)',
    to: 'const born = Math.max(arrived.at ?? wall, writtenAt ?? wall)',
    breaks: ['I10'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'tags-lost-on-the-way',
    what: 'A value that arrives has lost its tags.',
    file: ARRIVAL,
    from: 'tags: arrived.tags ?? tagsOf(value, load, place),',
    to: 'tags: undefined,',
    breaks: ['I1', 'I4'],
    focus: 'values from elsewhere',
    hint: ['src/tier/tier.test.ts', 'src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'arrivals-do-not-settle',
    what: 'A value whose writer did not let its source settle is held.',
    file: ARRIVAL,
    from: 'settleMs: arrived.asOf === undefined || (arrived.settleMs ?? 0) >= settleMs ? 0 : settleMs,',
    to: 'settleMs: 0,',
    breaks: ['I1', 'I2'],
    focus: 'values from elsewhere',
    hint: ['src/tier/tier.test.ts'],
  },
  {
    id: 'bad-update-keeps-key',
    what: 'An update that cannot be read leaves the older value of its key.',
    file: APPLIER,
    from: 'if (arrived) this.#drop({ namespace: arrived.namespace, key: arrived.key, asOf: undefined })',
    to: 'void arrived',
    breaks: ['I4'],
    hint: ['src/coherence/coherence-rule.test.ts'],
    unseen: 'What must no longer be served stands in the evictions topic: an update is only a value.',
  },
  {
    id: 'updates-passed-over',
    what: 'Skipped updates leave held values as they are, though they may have dropped them.',
    file: UPDATES,
    from: 'if (this.#takesPart(space.name)) space.dropPossiblyEvicted(() => true)',
    to: 'void space',
    breaks: ['I4'],
    hint: ['src/corner-cases.test.ts'],
    unseen: 'What must no longer be served stands in the evictions topic: an update is only a value.',
  },
  {
    id: 'aborted-values',
    what: 'Updates are read uncommitted: the value of an aborted transaction is held.',
    file: UPDATES,
    from: 'isolation: updatesIsolation }',
    to: "isolation: updatesIsolation && 'uncommitted' } as const",
    breaks: ['I4'],
    focus: 'open transactions',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'simple-values-everywhere',
    what: 'Values without an as-of are held also where the namespace does not say so.',
    file: APPLIER,
    from: 'if (arrived.asOf === undefined && !this.#simple(space.name)) {',
    to: 'if (arrived.asOf === undefined && space === undefined) {',
    breaks: ['I3'],
    focus: 'values from elsewhere',
    hint: ['src/coherence/coherence-rule.test.ts'],
  },
  {
    id: 'tombstones-ignored',
    what: 'An update that says that a key has no value any more drops nothing.',
    file: APPLIER,
    from: 'if (namespace === undefined || namespace === space.name) space.dropBefore(key, asOf ?? Infinity)',
    to: 'void [namespace, key, asOf, space]',
    breaks: ['I4'],
    hint: ['src/coherence/coherence-rule.test.ts', 'src/corner-cases.test.ts'],
    unseen: 'What must no longer be served stands in the evictions topic: an update is only a value.',
  },
  {
    id: 'schema-not-asked',
    what: 'A value that the schema refuses is held.',
    file: ARRIVAL,
    from: 'if (schema === undefined) return value as T',
    to: 'if (space.settings !== undefined) return value as T',
    breaks: [],
    hint: ['src/coherence/coherence-rule.test.ts'],
    unseen: 'The cache refuses only values that no isolate of the fleet writes.',
  },
]
