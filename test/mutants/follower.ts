/**
 * Mutants of how the log is followed: the proof of freshness, its partitions, and when polls happen.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const AHEAD = 'src/coherence/ahead.ts'
const POLL = 'src/coherence/poll.ts'
const IDENTITY = 'src/coherence/log-identity.ts'
const PARTITION = 'src/coherence/partition.ts'
const FOLLOWER = 'src/coherence/follower.ts'
const LOOK_BACK = 'src/coherence/look-back.ts'
const CONSUMER = 'src/runtime/consumer.ts'
const CLOCK = 'src/runtime/clock.ts'

export const followerMutants: readonly Mutant[] = [
  {
    id: 'M3',
    what: 'The poll takes an empty answer for the end of the log.',
    file: POLL,
    from: 'applied += await ingest(context, open, number, batch)\n',
    to: `applied += await ingest(context, open, number, batch)
    if (batch.records.length === 0) {
      for (const target of open) Object.assign(target, { find: undefined, end: target.partition.position })
      prove()
      return applied
    }
`,
    breaks: ['I1', 'I7'],
    focus: 'empty answers',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'M4',
    what: 'The position jumps to the end of the log, and what is held stays.',
    file: PARTITION,
    from: 'for (const target of this.targets) target.reanchor(bounds.end)',
    to: '',
    breaks: ['I1', 'I4', 'I6'],
    hint: ['src/coherence/freshness.test.ts', 'src/coherence/partition.test.ts'],
  },
  {
    id: 'clocks-back-unnoticed',
    what: 'The clock takes clocks that step back together for clocks that stand still.',
    file: CLOCK,
    from: 'if (!(backMs > 0)) return 0',
    to: 'return 0',
    breaks: ['I1', 'I7', 'I10'],
    focus: 'clocks that step back together',
    hint: ['src/coherence/clocks.test.ts'],
  },
  {
    id: 'clocks-back-between-looks',
    what: 'Where hits have read the wall clock alone, a step back of both clocks counts as one of the wall clock.',
    file: CLOCK,
    from: 'if (backMs === 0 && wall < this.#lastWall && told - least > ROUNDING_MS) backMs = told - least',
    to: '',
    breaks: ['I1', 'I7', 'I10'],
    focus: 'clocks that step back together',
    hint: ['src/coherence/clocks.test.ts'],
  },
  {
    id: 'clocks-back-in-a-write',
    what: 'A write goes on after its intent where the clocks stepped back while it was announced.',
    file: 'src/write-paths/write-through.ts',
    from: 'if (clock.now() - startedAt < limitMs * STORE_TIME_FRACTION && startedAt >= clock.unknownBefore) {',
    to: 'if (clock.now() - startedAt < limitMs * STORE_TIME_FRACTION) {',
    breaks: ['I1'],
    focus: 'intents',
    hint: ['src/write-paths/write-through.test.ts'],
  },
  {
    id: 'clocks-back-without-proofs',
    what: 'Clocks that step back together take back no proof.',
    file: PARTITION,
    from: 'this.unprove()\n    this.verifiedAt = -Infinity\n    for (const target',
    to: 'this.verifiedAt = -Infinity\n    for (const target',
    breaks: ['I1', 'I7'],
    focus: 'clocks that step back together',
    hint: ['src/coherence/clocks.test.ts'],
  },
  {
    id: 'clocks-back-without-drops',
    what: 'Values stay held after the clocks have stepped back together, as if no time had passed.',
    file: PARTITION,
    from: 'for (const target of this.targets) target.forgetAges()',
    to: '',
    breaks: ['I10'],
    focus: 'clocks that step back together',
    hint: ['src/coherence/clocks.test.ts'],
  },
  {
    id: 'poll-of-unknown-age',
    what: 'A poll that began before the clocks stepped back proves as if no time had passed.',
    file: POLL,
    from: 'if (t0 < clock.unknownBefore) return',
    to: '',
    breaks: ['I1', 'I7'],
    focus: 'clocks that step back together',
    hint: ['src/coherence/clocks.test.ts'],
  },
  {
    id: 'M4-stalled',
    what: 'The poll jumps over a record that no answer can hold, and held values stay.',
    file: POLL,
    from: "resync(context, partition, { end, logId: partition.logId }, 'stalled')",
    to: 'partition.advance(end)',
    breaks: ['I1', 'I4', 'I6'],
    focus: 'large records',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'M5',
    what: 'Everything is dropped first, and the end of the log that is jumped to is sampled after that.',
    file: POLL,
    from: 'for (const target of targets) if (!sample(context, target, bounds, t0)) verified = false',
    to: `for (const target of targets) {
    const { partition, generation } = target
    if (!sample(context, target, bounds, t0)) verified = false
    if (target.generation === generation) continue
    const own = { partitions: [partition.id], signal }
    const [later] = await settings.log.offsets(settings.evictionsTopic, own)
    partition.advance(later!.end)
    target.end = later!.end
  }`,
    breaks: ['I1', 'I4', 'I6'],
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'M7',
    what: 'A proof counts from its end, not from the time at which its request was sent.',
    file: POLL,
    from: 'partition.freshAt = Math.max(partition.freshAt, t0 - target.ageMs)',
    to: 'partition.freshAt = Math.max(partition.freshAt, clock.now())',
    breaks: ['I1', 'I7'],
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'M8',
    what: 'The poll ignores another identity of the log.',
    file: PARTITION,
    from: 'if (bounds.logId !== undefined && this.logId !== undefined && bounds.logId !== this.logId)',
    to: 'if (bounds.end < 0)',
    breaks: ['I1', 'I4', 'I6'],
    focus: 'another log',
    hint: ['src/coherence/partition.test.ts', 'src/coherence/freshness.test.ts'],
  },
  {
    id: 'M8-digest',
    what: 'Where a log gives no identity, the poll accepts any record in the place of the remembered one.',
    file: IDENTITY,
    from: 'if (isSame(found, find)) {',
    to: 'if (found.offset === find.offset) {',
    breaks: ['I1', 'I4', 'I6'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'M8b',
    what: 'Where the remembered record is not in the answer, the poll takes the log for the same.',
    file: IDENTITY,
    from: 'if (find === undefined || found === undefined) return find === undefined',
    to: `if (find === undefined || found === undefined) {
    target.find = undefined
    return true
  }`,
    breaks: ['I1', 'I4', 'I7'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'M15',
    what: 'A position outside of the log is silently taken for its end, as a consumer with `latest` does.',
    file: POLL,
    from: `if (batch.outOfRange.length > 0) {
      prove()`,
    to: `for (const target of open)
      if (batch.outOfRange.includes(target.partition.id)) {
        target.partition.advance(target.end)
        target.find = undefined
      }
    if (batch.outOfRange.length < 0) {
      prove()`,
    breaks: ['I1', 'I4', 'I6'],
    focus: 'a log that was cut',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'M17',
    what: 'The poll checks the identity of the log before it samples the end.',
    file: POLL,
    from: 'let bounds = await ask(maxAgeMs)',
    to: `for (const { partition } of targets) {
    const { last, generation } = partition
    if (last === undefined || partition.logId !== undefined) continue
    const waitMs = settings.pollTimeoutMs / 2
    const options = { maxBytes: settings.maxPollBytes, waitMs, isolation: 'uncommitted', signal } as const
    const from = [{ partition: partition.id, offset: last.offset }]
    const { records } = await settings.log.read(settings.evictionsTopic, from, options)
    const found = records.find((record) => record.partition === partition.id)
    if (partition.generation !== generation || found?.offset !== last.offset) continue
    if (isSame(found, last)) partition.verifiedAt = clock.now()
  }
  let bounds = await ask(maxAgeMs)`,
    also: [
      {
        file: IDENTITY,
        from: 'if (found.end > partition.position || now - partition.verifiedAt >= VERIFY_EVERY_MS)',
        to: 'if (partition.verifiedAt < now && (found.end > partition.position || now - partition.verifiedAt >= VERIFY_EVERY_MS))',
      },
    ],
    breaks: ['I1', 'I4', 'I6'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'M18',
    what: 'The poll checks the identity after the sample, but then does not read on from the record it found.',
    file: POLL,
    from: 'applied += await ingest(context, open, number, batch)\n',
    to: `const unread = open.filter(({ find }) => find !== undefined)
    for (const target of unread) {
      const own = batch.records.filter((record) => record.partition === target.partition.id)
      isFound(context, target, own[0])
    }
    const read = open.filter((target) => !unread.includes(target))
    applied += await ingest(context, read, batch)
`,
    breaks: ['I1', 'I4', 'I6'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'proof-before-the-end',
    what: 'A poll calls its partitions fresh before their positions have reached the sampled ends.',
    file: POLL,
    from: 'if (!target.proves || partition.generation !== target.generation || isBehind(target)) continue',
    to: 'if (!target.proves || partition.generation !== target.generation) continue',
    breaks: ['I1', 'I7'],
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'proof-by-an-early-end',
    what: 'An end that lies below what was acknowledged before it was asked for proves freshness.',
    file: IDENTITY,
    from: 'target.proves = reason !== undefined || found.end >= target.tailThen',
    to: 'target.proves = true',
    breaks: ['I1', 'I7'],
    focus: 'outages',
    hint: ['src/corner-cases.test.ts'],
  },
  {
    id: 'proof-of-another-generation',
    what: 'A sample that precedes the resync of another poll counts as a proof after it.',
    file: POLL,
    from: 'if (!target.proves || partition.generation !== target.generation || isBehind(target)) continue',
    to: 'if (!target.proves || isBehind({ ...target, generation: partition.generation })) continue',
    breaks: ['I7'],
    focus: 'workers',
    hint: ['src/coherence/log-identity.test.ts'],
    survives:
      'The poll that resyncs samples later than this one: this earlier time is true at its later position, too.',
  },
  {
    id: 'sample-of-another-generation',
    what: 'A poll uses bounds that it asked for before the resync of another poll.',
    file: IDENTITY,
    from: 'if (partition.generation !== target.generation) return true',
    to: 'target.generation = partition.generation',
    breaks: ['I6', 'I7', 'I11'],
    focus: 'workers',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'records-of-another-generation',
    what: 'Records that were read before a resync are applied after it.',
    file: POLL,
    from: 'if (partition.generation !== target.generation || record.offset < partition.position) return',
    to: 'if (record.offset < partition.position) return',
    also: [
      {
        file: POLL,
        from: "if (partition.generation !== target.generation || target.unreadable === 'stopped') break",
        to: "if (target.unreadable === 'stopped') break",
      },
    ],
    breaks: ['I6', 'I11'],
    focus: 'workers',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'evictions-read-committed',
    what: 'Evictions are read committed: the open transaction of another writer hides those behind it.',
    file: IDENTITY,
    from: "isolation: 'uncommitted',",
    to: "isolation: 'committed',",
    breaks: ['I11'],
    focus: 'open transactions',
    hint: ['src/read/overtaken-loads.test.ts'],
  },
  {
    id: 'position-before-records',
    what: 'The position moves before the evictions that it passes are decoded and applied.',
    file: POLL,
    from: 'for (const record of own) {',
    to: `const wasAt = partition.position
    partition.advance((own.at(-1)?.offset ?? -1) + 1)
    for (const record of own) {
      if (record.offset >= wasAt) {
        const late = applyRecord(record, context.settings, (decoded) => {
          if (partition.generation === target.generation) apply(context, target, number, decoded)
        })
        if (late) await late
      }`,
    breaks: ['I6', 'I8'],
    focus: 'tokens',
    hint: ['src/read/overtaken-loads.test.ts'],
  },
  {
    id: 'no-record-before-the-anchor',
    what: 'The last record before an anchoring is not remembered: a replaced log of the same length passes for it.',
    file: IDENTITY,
    from: 'target.learns = found.logId === undefined && found.end > found.beginning',
    to: 'target.learns = false',
    breaks: ['I1', 'I4'],
    focus: 'another log that is nameless',
    hint: ['src/corner-cases.test.ts'],
  },
  {
    id: 'bell-of-another-log',
    what: 'The late answer of a long poll counts after a resync: its offsets keep keys out.',
    file: AHEAD,
    from: 'if (partition.generation !== generation) return',
    to: 'if (generation < 0) return',
    breaks: ['I11'],
    focus: 'followers',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'hole-after-a-resync',
    what: 'What a long poll brought before a resync moves the position after it, past evictions that were not applied.',
    file: AHEAD,
    from: 'partition.generation !== generation || ahead.generation !== generation',
    to: 'partition.generation !== generation',
    breaks: ['I6', 'I1'],
    hint: ['src/coherence/ahead.test.ts'],
    unseen:
      'A long poll is seldom answered just after a resync to the end of the same log, with what came after that end.',
  },
  {
    id: 'ahead-of-a-nameless-log',
    what: 'The position moves past what a long poll brought, though nothing tells that the log is still the same.',
    file: AHEAD,
    from: 'if (logId === undefined || ahead.logId !== logId) return 0',
    to: '',
    breaks: ['I6'],
    hint: ['src/coherence/ahead.test.ts'],
    unseen: 'The same poll still looks for the last record, and resyncs where it finds another one.',
  },
  {
    id: 'ahead-of-a-namespace',
    what: 'The position moves past what a long poll brought, which a namespace declared meanwhile has missed.',
    file: AHEAD,
    from: 'if (ahead.joined !== partition.joined) return 0',
    to: '',
    breaks: ['I1', 'I2'],
    hint: ['src/coherence/ahead.test.ts'],
    unseen: 'Isolates of the simulator declare their namespaces when they begin.',
  },
  {
    id: 'ahead-past-the-unreadable',
    what: 'The position moves past a record that a long poll brought and that cannot be read, and nothing is dropped for it.',
    file: AHEAD,
    from: 'const next = unreadable ?? Math.max(',
    to: 'const next = Math.max(',
    breaks: ['I1', 'I4', 'I6'],
    hint: ['src/coherence/ahead.test.ts'],
  },
  {
    id: 'stalled-for-good',
    what: 'A record that no answer can hold is waited for without end.',
    file: POLL,
    from: 'if (++partition.stalls < MAX_STALLS) continue',
    to: 'if (++partition.stalls > 0) continue',
    breaks: ['I11'],
    focus: 'large records',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'rewound-unnoticed',
    what: 'The poll takes a log that ends before the position for the same.',
    file: PARTITION,
    from: "if (bounds.end < positionThen) return 'rewound'",
    to: '',
    breaks: ['I1', 'I4', 'I6'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/partition.test.ts'],
  },
  {
    id: 'truncated-unnoticed',
    what: 'The poll does not see that retention has taken records that were not read yet.',
    file: PARTITION,
    from: "if (bounds.beginning > this.position) return 'truncated'",
    to: '',
    breaks: ['I1', 'I4', 'I6'],
    focus: 'a log that was cut',
    hint: ['src/coherence/partition.test.ts'],
  },
  {
    id: 'catches-up-without-end',
    what: 'However far behind it is, an isolate reads on instead of starting again at the end.',
    file: PARTITION,
    from: "return bounds.end - this.position > maxRecords ? 'behind' : undefined",
    to: 'return undefined',
    breaks: ['I9'],
    hint: ['src/coherence/partition.test.ts'],
    unseen: 'Reading on is slower, and serves nothing that it should not.',
  },
  {
    id: 'tail-keeps-what-is-not-there',
    what: 'The as-of of loads stays above an end that was sampled below what was acknowledged.',
    file: PARTITION,
    from: 'this.tail = bounds.end < tailThen ? Math.max(this.position, bounds.end) : Math.max(this.tail, bounds.end)',
    to: 'this.tail = Math.max(this.tail, bounds.end)',
    breaks: ['I2'],
    hint: ['src/coherence/partition.test.ts'],
  },
  {
    id: 'as-of-is-the-position',
    what: 'A load that begins after an eviction of our own is taken to have begun before it, until that is read.',
    file: PARTITION,
    from: 'return Math.max(this.position, this.tail)',
    to: 'return this.position',
    breaks: ['I11'],
    hint: ['src/coherence/coherence-rule.test.ts', 'src/coherence/partition.test.ts'],
  },
  {
    id: 'known-across-gaps',
    what: 'Records between the position and one of our own count as known, though this isolate has not read them.',
    file: PARTITION,
    from: 'if (offset === this.known) this.#known = offset + 1',
    to: 'this.#known = offset + 1',
    breaks: ['I1', 'I2'],
    focus: 'writers that die',
    hint: ['src/coherence/write-intents.test.ts', 'src/coherence/partition.test.ts'],
  },
  {
    id: 'position-goes-back',
    what: 'A position that was reached is given up for an earlier one.',
    file: PARTITION,
    from: 'this.position = Math.max(this.position, offset)',
    to: 'this.position = offset',
    breaks: ['I6'],
    hint: ['src/coherence/partition.test.ts'],
  },
  {
    id: 'beats-look-alike',
    what: 'The fingerprint of a record leaves out its time: the heartbeats of two logs are alike.',
    file: IDENTITY,
    from: "return `${a >>> 0}.${b >>> 0}.${record.timestamp ?? ''}`",
    to: 'return `${a >>> 0}.${b >>> 0}`',
    breaks: ['I1', 'I4'],
    focus: 'another log that is nameless',
    hint: ['src/coherence/partition.test.ts'],
  },
  {
    id: 'doubtful-proof-stands',
    what: 'An own acknowledgement from below the position leaves the proof of freshness standing.',
    file: PARTITION,
    from: `unprove(): void {
    this.freshAt = -Infinity
    this.provedBy = -1`,
    to: 'unprove(): void {',
    breaks: ['I7', 'I8'],
    focus: 'another log',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'reached-by-any-poll',
    what: 'A caller that waits for a position or a proof goes on after any poll that succeeds.',
    file: FOLLOWER,
    from: "if (run.state !== 'succeeded' || run.number < next) continue",
    to: "if (run.state === 'succeeded') return true\n      if (run.number < next) continue",
    breaks: ['I1', 'I8'],
    focus: 'tokens',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'sync-by-an-old-proof',
    what: 'A call of `sync` resolves by a proof that is older than the call.',
    file: FOLLOWER,
    from: '() => [...this.partitions.values()].every(({ provedBy }) => provedBy >= next)',
    to: '() => [...this.partitions.values()].every(({ provedBy }) => provedBy >= 0)',
    breaks: ['I7'],
    hint: ['src/coherence/freshness.test.ts', 'src/cache.test.ts'],
  },
  {
    id: 'vanished-poll-relied-upon',
    what: 'On Workers a poll whose request is gone keeps every other request from polling.',
    file: FOLLOWER,
    from: 'runtime.isolatesRequests &&\n      run !== undefined &&\n      now - run.startedAt > pollTimeoutMs * SHARED_POLL_FRACTION',
    to: 'run === undefined',
    breaks: ['I11', 'I14'],
    focus: 'requests that end',
    hint: ['src/read/overtaken-loads.test.ts'],
  },
  {
    id: 'no-pause-after-failures',
    what: 'Each request polls a log that fails again at once.',
    file: FOLLOWER,
    from: 'this.#retryAt = now + retryInMs',
    to: 'this.#retryAt = now',
    breaks: [],
    hint: ['src/coherence/freshness.test.ts'],
    unseen: 'Asking too often serves nothing stale.',
  },
  {
    id: 'values-after-the-proof',
    what: 'Updates are fetched after the proof by which they are judged, not before it.',
    file: FOLLOWER,
    from: `await Promise.all(hooks.map((hook) => hook.read(scope, run.maxAgeMs)))
        signal.throwIfAborted()
        applies = hooks.flatMap((hook) => hook.take(scope))
        began = clock.now()
        const partitions = [...this.partitions.values()]
        const onAnswer = () => (isAnswered = true)
        const found = await poll(this.#context, partitions, run.number, signal, onAnswer, run.maxAgeMs)`,
    to: `began = clock.now()
        const partitions = [...this.partitions.values()]
        const onAnswer = () => (isAnswered = true)
        const found = await poll(this.#context, partitions, run.number, signal, onAnswer, run.maxAgeMs)
        await Promise.all(hooks.map((hook) => hook.read(scope, run.maxAgeMs)))
        applies = hooks.flatMap((hook) => hook.take(scope))`,
    breaks: [],
    hint: ['src/read/overtaken-loads.test.ts'],
    unseen: 'What is newer than the position is refused: values are lost, and none is stale.',
  },
  {
    id: 'polls-without-deadline',
    what: 'The follower waits without end for a poll that is never answered.',
    file: FOLLOWER,
    from: 'this.#lifecycle.within(this.#deadlineMs, expired, ({ signal }) => proof(signal))',
    to: 'this.#lifecycle.during(proof)',
    breaks: ['I11', 'I14'],
    focus: 'outages',
    hint: ['src/coherence/freshness.test.ts'],
  },
  {
    id: 'look-back-without-reading',
    what: 'The past counts as read again though an answer without records has said nothing of it.',
    file: LOOK_BACK,
    from: 'if (at < end) return false',
    to: '',
    also: [
      {
        file: CONSUMER,
        from: 'if (!hasMoved(asked, now)) vain++',
        to: 'if (!hasMoved(asked, now)) return',
      },
    ],
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['src/coherence/look-back.test.ts'],
  },
  {
    id: 'look-back-of-another-generation',
    what: 'Past evictions that were read before a resync lower the horizon after it.',
    file: LOOK_BACK,
    from: 'if (partition.generation !== generation) return false\n  // From the first',
    to: '// From the first',
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['src/coherence/log-identity.test.ts'],
  },
  {
    id: 'look-back-for-late-namespaces',
    what: 'A namespace that was declared while the past was read again counts as checked against all of it.',
    file: LOOK_BACK,
    from: 'for (const target of known) {',
    to: 'for (const target of partition.targets) {',
    breaks: ['I2', 'I3'],
    focus: 'tier',
    hint: ['src/coherence/look-back.test.ts', 'src/corner-cases.test.ts'],
  },
  {
    id: 'position-out-of-range-moves',
    what: 'A position that the log does not have moves to the one that the log answers with, as if all were read.',
    file: CONSUMER,
    from: 'if (!outOfRange.includes(partition)) asked.set(partition, offset)',
    to: 'asked.set(partition, offset)',
    breaks: ['I1', 'I4', 'I6'],
    hint: ['src/runtime/consumer.test.ts'],
    unseen: 'Simulated logs leave a position where it is that they do not have.',
  },
  {
    id: 'read-in-vain-without-end',
    what: 'An answer that moves no position counts as progress: a record that fits no answer is read without end.',
    file: CONSUMER,
    from: 'if (!hasMoved(asked, now)) vain++',
    to: 'void hasMoved',
    breaks: ['I11', 'I14'],
    hint: ['src/runtime/consumer.test.ts', 'src/coherence/freshness.test.ts'],
    unseen:
      'Each simulated poll ends by its deadline, and proves nothing: the isolate serves less, and nothing stale.',
  },
  {
    id: 'record-that-does-not-fit',
    what: 'Each read asks for as many bytes as the first: a record that is larger is taken for one that no answer holds.',
    file: CONSUMER,
    from: 'vain > MAX_DOUBLINGS ? undefined : { maxBytes: maxBytes * 2 ** vain, waitMs }',
    to: 'vain > MAX_DOUBLINGS ? undefined : { maxBytes, waitMs }',
    breaks: ['I11'],
    hint: ['src/runtime/consumer.test.ts', 'src/coherence/freshness.test.ts'],
    unseen:
      'The isolate starts again at the end as for a record that no answer holds: that is a cause to drop values.',
  },
  {
    id: 'reads-without-deadline',
    what: 'A consumer waits without end for a read that is never answered.',
    file: CONSUMER,
    from: `const { records, next, outOfRange } = deadline
    ?`,
    to: `const { records, next, outOfRange } = deadline && topic === ''
    ?`,
    breaks: [],
    hint: ['src/runtime/consumer.test.ts'],
    unseen: 'A simulated log rejects what it does not answer, as the port demands.',
  },
  {
    id: 'garbage-passed-over',
    what: 'A poll that stops before a record that it cannot read moves the position past it.',
    file: POLL,
    from: "if (target.unreadable === 'stopped') continue",
    to: '',
    breaks: ['I1', 'I4'],
    focus: 'poison',
    hint: ['src/coherence/unreadable-records.test.ts'],
  },
  {
    id: 'garbage-proves',
    what: 'A poll that stops before a record that it cannot read proves freshness all the same.',
    file: POLL,
    from: 'partition.generation !== target.generation || isBehind(target)) continue',
    to: 'partition.generation !== target.generation || readsOn(target)) continue',
    breaks: ['I1', 'I7'],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'A value is served for a second more at most: 120 schedules with such records do not show it.',
  },
  {
    id: 'garbage-drops-at-each-poll',
    what: 'Every poll that meets a record that it cannot read drops everything, however soon after the last drop.',
    file: POLL,
    from: "const isFirst = target.unreadable === 'none'",
    to: "const isFirst = target.unreadable === 'none' && number < 0",
    breaks: [],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'Less is held, and no promise is broken.',
  },
  {
    id: 'tokens-load-past-garbage',
    what: 'A read with a token from beyond what cannot be read loads past the cache, instead of waiting for the next poll.',
    file: 'src/read/freshness-gate.ts',
    from: 'if (await pauseEnds([partition], next, shared, Infinity, signal))',
    to: 'if (await pauseEnds([partition], next, shared, -Infinity, signal))',
    breaks: [],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'It costs loads, and no promise is broken.',
  },
  {
    id: 'sync-leaves-garbage',
    what: 'A call of `sync()` does not wait for the end of the pause of polls.',
    file: FOLLOWER,
    from: 'return isOver && this.reach(proved, scope, signal, since, 0)',
    to: 'return isOver && proved()',
    breaks: [],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'The answer of `sync()` says what it has not read.',
  },
  {
    id: 'sync-waits-past-poll-timeout',
    what: 'A call of `sync()` waits for the end of the pause of polls for longer than `pollTimeout`.',
    file: 'src/coherence/unreadable-records.ts',
    from: 'if (waitMs === 0 || now + waitMs > until) return false',
    to: 'if (waitMs === 0 || now + waitMs < until - Infinity) return false',
    breaks: [],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'It is slower, and no promise is broken.',
  },
  {
    id: 'garbage-waits-past-staleness',
    what: 'Before a record that cannot be read polls stop for a second, however old the proof is by then.',
    file: 'src/coherence/unreadable-records.ts',
    from: 'Math.min(this.#droppedAt + PAUSE_MS, freshAt + maxStalenessMs)',
    to: 'Math.max(this.#droppedAt + PAUSE_MS, freshAt * 0 + maxStalenessMs * 0)',
    breaks: [],
    hint: ['src/coherence/unreadable-records.test.ts'],
    unseen: 'Reads wait for the end of the second: they are slower, and no promise is broken.',
  },
]
