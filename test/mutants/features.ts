/**
 * Mutants of what the core asks of features: when, what it lets them do, and what it takes from them.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const ASK = 'src/read/ask-sources.ts'
const FEATURES = 'src/read/namespace-features.ts'
const READER = 'src/read/reader.ts'
const LOAD = 'src/read/load.ts'
const WRITER = 'src/write/writer.ts'
const FOLLOWER = 'src/coherence/follower.ts'
const COHERENT_STORE = 'src/coherence/coherent-store.ts'
const CONSUMER = 'src/replicate/updates-consumer.ts'
const APPLIER = 'src/replicate/updates-applier.ts'
const TESTS = 'src/read/features.test.ts'

export const featureMutants: readonly Mutant[] = [
  {
    id: 'source-without-proof',
    what: 'What a source of values finds is held before freshness is proved.',
    file: ASK,
    from: 'if (!isProved || signal',
    to: 'if (signal',
    breaks: ['I1', 'I7'],
    hint: [TESTS],
    unseen: 'The tier of a simulated fleet awaits the proof by itself.',
  },
  {
    id: 'source-beyond-the-proof',
    what: 'A source of values may have values held though its proof has failed.',
    file: ASK,
    from: '(does) => (isProved = does),',
    to: '(does) => ((isProved = true), does),',
    breaks: ['I1', 'I7'],
    hint: [TESTS],
    unseen: 'The tier of a simulated fleet awaits the proof by itself.',
  },
  {
    id: 'source-unasked',
    what: 'A source of values may have values held of keys that it was not asked for.',
    file: ASK,
    from: '|| !wanted.has(key) || held.has(key))',
    to: '|| held.has(key))',
    breaks: ['I13'],
    hint: [TESTS],
    unseen: 'The tier of a simulated fleet gives what it was asked for.',
  },
  {
    id: 'source-beyond-the-end',
    what: 'A source of values may have a value held whose as-of lies beyond the end of the log.',
    file: ASK,
    from: 'if (!(value.asOf <= space.partition.asOf && value.loadedAt <= clock.now())) return false',
    to: 'if (!(value.loadedAt <= clock.now())) return false',
    breaks: ['I1', 'I3'],
    hint: ['src/extension.test.ts'],
    unseen: 'The tier of a simulated fleet looks at the end by itself.',
  },
  {
    id: 'source-of-another-clock',
    what: 'A source of values may have a value held that was loaded at a time to come.',
    file: ASK,
    from: 'if (!(value.asOf <= space.partition.asOf && value.loadedAt <= clock.now())) return false',
    to: 'if (!(value.asOf <= space.partition.asOf)) return false',
    breaks: ['I10'],
    hint: ['src/extension.test.ts'],
    unseen: 'The tier of a simulated fleet reckons ages by itself.',
  },
  {
    id: 'source-past-its-ttl',
    what: 'A source of values may have a value held, and served as fresh, that is past its TTL.',
    file: ASK,
    from: 'if (clock.now() >= value.loadedAt + value.ttlMs) return false',
    to: '',
    breaks: ['I10'],
    hint: ['src/extension.test.ts'],
    unseen: 'The tier of a simulated fleet gives no value that is past its TTL.',
  },
  {
    id: 'source-after-the-loader',
    what: 'A source of values may have values held after the loader has answered.',
    file: ASK,
    from: '|| signal?.aborted || !wanted',
    to: '|| !wanted',
    breaks: ['I13'],
    hint: [TESTS],
    unseen: 'The tier of a simulated fleet looks at the signal by itself.',
  },
  {
    id: 'past-never-read',
    what: 'The core never has the past read that a feature judges its values by.',
    file: FOLLOWER,
    from: 'features.find(({ hooks }) => hooks.readPast !== undefined)?.hooks.readPast?.(...terms)',
    to: 'void [terms, features]',
    breaks: ['I1'],
    hint: ['src/coherence/look-back.test.ts', 'src/tier/tier.test.ts'],
    unseen: 'What was not read back is in doubt: then less is held.',
  },
  {
    id: 'around-load-left-out',
    what: 'A load does not go by what features know of the keys: of a write that waits, the source knows nothing.',
    file: READER,
    from: 'const call = this.#features.aroundLoad(this.#space, keys, reading.call)',
    to: 'const { call } = reading\n    void keys',
    breaks: ['I8'],
    hint: ['src/write-paths/write-behind.test.ts', TESTS],
    unseen: 'No isolate of a simulated fleet writes behind.',
  },
  {
    id: 'applied-before-the-proof',
    what: 'What a feature has read is applied before the proof, not after it.',
    file: FOLLOWER,
    from: `const applies = await this.#beforeProof(signal)
`,
    to: `const applies = await this.#beforeProof(signal)
        for (const apply of applies) await apply()
`,
    also: [
      {
        file: FOLLOWER,
        from: `this.#took(began)
        for (const apply of applies) await apply()`,
        to: 'this.#took(began)',
      },
    ],
    breaks: [],
    hint: [TESTS, 'src/replicate/pushed-values.test.ts'],
    unseen: 'What is newer than the position is refused: values are lost, and none is stale.',
  },
  {
    id: 'may-hold-ignored',
    what: 'A value is held though a feature says that it may not be.',
    file: COHERENT_STORE,
    from: 'if (this.#mayHold?.(this, key, value) === false) {',
    to: 'if (this.#mayHold === null) {',
    breaks: [],
    hint: [TESTS],
    unseen: 'No feature of a simulated fleet says what may be held.',
  },
  {
    id: 'one-may-hold-enough',
    what: 'A value is held where one of several features allows it.',
    file: FEATURES,
    from: 'judges.every((each)',
    to: 'judges.some((each)',
    breaks: [],
    hint: [TESTS],
    unseen: 'No feature of a simulated fleet says what may be held.',
  },
  {
    id: 'after-evict-not-awaited',
    what: 'A `delete` resolves before features have done what follows it: a `set` elsewhere may come before that.',
    file: WRITER,
    from: 'await this.#features.afterEvict(this.#space, evicted)',
    to: 'void this.#features.afterEvict(this.#space, evicted)',
    breaks: [],
    hint: [TESTS],
    unseen: 'Readers go by the as-of, in whatever order values arrive: only what compaction keeps is older.',
  },
  {
    id: 'intents-of-features-ignored',
    what: 'How long an intent of a feature may last is not asked.',
    file: FEATURES,
    from: 'this.intentsMs = most((each) => each.intentsMs?.(name))',
    to: 'this.intentsMs = 0',
    breaks: [],
    hint: [TESTS, 'src/write-paths/write-through.test.ts'],
    unseen: 'A simulated writer that may not announce its write commits nothing.',
  },
  {
    id: 'superseded-told',
    what: 'A writer tells features of a value that a newer one has superseded: they would share it.',
    file: WRITER,
    from: "if (refused !== 'superseded' && candidate.ttlMs > 0) standing.set(key, candidate)",
    to: 'if (candidate.ttlMs > 0) standing.set(key, candidate)',
    breaks: [],
    hint: [TESTS],
    unseen:
      'Readers go by the version, in whatever order values arrive: only what compaction keeps is older.',
  },
  {
    id: 'set-before-features',
    what: 'A feature that cannot take a value is asked after its key was evicted.',
    file: WRITER,
    from: 'const kept = await this.#features.beforeSet(this.#space, new Map([[key, draft]]))\n',
    to: '',
    also: [
      {
        file: WRITER,
        from: 'return this.hold(kept, published, undefined, scope, signal)',
        to: `const kept = await this.#features.beforeSet(this.#space, new Map([[key, draft]]))
    return this.hold(kept, published, undefined, scope, signal)`,
      },
    ],
    breaks: [],
    hint: [TESTS],
    unseen: 'A value of a simulated fleet can be written.',
  },
  {
    id: 'held-before-contact-told',
    what: 'Features get a value that was loaded before the first contact, though it has no as-of.',
    file: LOAD,
    from: 'if (stored && generation > 0) held?.set(key, candidate)',
    to: 'if (stored) held?.set(key, candidate)',
    breaks: [],
    hint: ['src/coherence/cold-start.test.ts'],
    unseen: 'Its as-of is the lowest there is: others refuse it, or judge it by every eviction of the log.',
  },
  {
    id: 'without-ignored',
    what: 'A feature takes part in a namespace that is without it.',
    file: FEATURES,
    from: '!without.includes(each.name) && (each.hooks.concerns?.(name) ?? true)',
    to: '(each.hooks.concerns?.(name) ?? true) || without.length < 0',
    breaks: ['I12'],
    hint: [TESTS],
    unseen: 'A feature that takes part where it should not breaks no promise of freshness.',
  },
  {
    id: 'concerns-ignored',
    what: 'A feature takes part in a namespace that does not concern it.',
    file: FEATURES,
    from: '(each.hooks.concerns?.(name) ?? true))',
    to: 'name !== undefined)',
    breaks: ['I12'],
    hint: [TESTS],
    unseen: 'A feature that takes part where it should not breaks no promise of freshness.',
  },
  {
    id: 'updates-held-without',
    what: 'A namespace that is without `replicate` holds what others publish.',
    file: APPLIER,
    from: "if (!this.#parts.takesPart('replicate', space.name)) return false",
    to: '',
    breaks: ['I12'],
    hint: ['src/replicate/partial-replication.test.ts'],
    unseen: 'What is held by the rule is fresh, wherever it is from.',
  },
  {
    id: 'updates-dropped-without',
    what: 'What others publish drops values of a namespace that is without `replicate`.',
    file: APPLIER,
    from: "      if (!this.#parts.takesPart('replicate', space.name)) continue\n",
    to: '',
    breaks: ['I12'],
    hint: ['src/replicate/partial-replication.test.ts'],
    unseen: 'Dropping a value is always safe, and a trace does not say why one was replaced.',
  },
  {
    id: 'skip-drops-all',
    what: 'Where a part of the updates topic is passed over, namespaces that are without `replicate` are dropped, too.',
    file: CONSUMER,
    from: 'if (this.#takesPart(space.name)) space',
    to: 'space',
    breaks: ['I12'],
    focus: 'values from elsewhere',
    hint: ['src/replicate/partial-replication.test.ts'],
  },
]
