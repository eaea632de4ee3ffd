/** Bounds that another reader sampled: how old they may be, and how old they are. @module */
import type { KafkaLog } from '../../ports/kafka-log.ts'
import { type Bench, type LogUnderTest, type Test, record } from './bench.ts'

type Shared = NonNullable<LogUnderTest['shared']>
type AgeClock = Shared['clock']

const A_MINUTE = 60_000
/** Longer than any answer of the log under test takes, and shorter than its readers would wait. */
const A_WHILE = 100

interface Answer {
  readonly end: number
  readonly ageMs: number
}

function sharedOf({ shared }: Bench): Shared {
  if (shared) return shared
  throw new TypeError('`shared`: must be given for a log with `capabilities.shared`')
}

async function answerOf(log: KafkaLog, topic: string, maxAgeMs: number, clock: AgeClock): Promise<Answer> {
  const [bound] = await log.offsets(topic, { partitions: [0], maxAgeMs, clock })
  return { end: bound?.end ?? -1, ageMs: bound?.ageMs ?? 0 }
}

/**
 * A record that was acknowledged and that the answer does not have: the sample began before that. So the answer is at least as old.
 *
 * @param passedMs since the acknowledgement, until the log was asked
 */
function expectHonest({ expect }: Bench, answer: Answer, passedMs: number): void {
  expect(answer.end > 0 || answer.ageMs >= passedMs ? 'honest' : { ...answer, passedMs }).toBe('honest')
}

/** @param stores whether the log under test can hold a store */
export function aging(test: Test, stores: boolean): void {
  test('bounds are no older than the caller allows', async (made) => {
    const { clock, passes } = sharedOf(made)
    const { log, topic, expect } = made
    const name = await topic(1)
    for (const maxAgeMs of [A_MINUTE, A_WHILE, A_WHILE / 2, 1, A_MINUTE, 0]) {
      const { ageMs } = await answerOf(log, name, maxAgeMs, clock)
      expect([maxAgeMs, Number.isInteger(ageMs) && ageMs >= 0 && ageMs <= maxAgeMs]).toEqual([maxAgeMs, true])
      await log.settled?.()
      await passes(A_WHILE)
    }
  })

  test('bounds that may not be older see what was written before, whatever is shared', async (made) => {
    const { clock } = sharedOf(made)
    const { log, topic, expect } = made
    const name = await topic(1)
    await answerOf(log, name, A_MINUTE, clock)
    await log.settled?.()
    await log.produce(name, [record('a', '1', 0)])
    expect(await answerOf(log, name, 0, clock)).toEqual({ end: 1, ageMs: 0 })
    await log.produce(name, [record('b', '2', 0)])
    expect((await log.offsets(name, { partitions: [0] })).map(({ end }) => end)).toEqual([2])
  })

  test('bounds that lack a record are as old as its acknowledgement, or older', async (made) => {
    const { clock, passes } = sharedOf(made)
    const { log, topic } = made
    const name = await topic(1)
    await answerOf(log, name, A_MINUTE, clock)
    await log.settled?.()
    await log.produce(name, [record('a', '1', 0)])
    const written = clock.now()
    for (let time = 0; time < 3; time++) {
      await passes(A_WHILE)
      const passedMs = clock.now() - written
      expectHonest(made, await answerOf(log, name, A_MINUTE, clock), passedMs)
    }
  })

  if (stores) {
    oldEntries(test)
    return
  }
  test('it says of no store that it shares one: what old entries of a store do is left out', async (made) => {
    made.expect(made.shared?.holdStore).toBe(undefined)
  })
}

/** A store that loses each put, and answers with what it had. */
function oldEntries(test: Test): void {
  /** The store has an entry that lacks a record. */
  async function withOldEntry(made: Bench, clock = sharedOf(made).clock) {
    const shared = { ...sharedOf(made), clock }
    if (shared.holdStore === undefined)
      throw new TypeError('`shared.holdStore`: must be given with the option `stores`')
    const { log } = made
    const name = await made.topic(1)
    // Twice: a reader may have to know whom it shares with.
    for (let time = 0; time < 2; time++) await answerOf(log, name, 0, clock)
    await log.settled?.()
    shared.holdStore()
    await log.produce(name, [record('a', '1', 0)])
    return { ...shared, log, name, written: clock.now() }
  }

  test('an old entry of a store is as old as it is', async (made) => {
    const { clock, passes, log, name, written } = await withOldEntry(made)
    const seen: Answer[] = []
    for (let time = 0; time < 3; time++) {
      await passes(A_WHILE)
      const passedMs = clock.now() - written
      const answer = await answerOf(log, name, A_MINUTE, clock)
      expectHonest(made, answer, passedMs)
      seen.push(answer)
    }
    // Else nothing has been looked at.
    made.expect(seen.some(({ end }) => end === 0)).toBe(true)
  })

  test('an old entry of a store is not used where it is older than the caller allows', async (made) => {
    const { clock, passes, log, name } = await withOldEntry(made)
    await passes(A_WHILE)
    for (const maxAgeMs of [A_WHILE / 2, 1, 0])
      made.expect((await answerOf(log, name, maxAgeMs, clock)).end).toBe(1)
  })

  test('an old entry of a store is not reckoned from what the clock showed before it went back', async (made) => {
    const { clock } = sharedOf(made)
    let hiddenMs = 0
    // The clock of the caller never goes back. It tells instead that it does not know how long ago it showed less.
    const stepping = { now: () => clock.now() - hiddenMs, unknownBefore: -Infinity }
    const { passes, log, name, written } = await withOldEntry(made, stepping)
    await passes(A_WHILE)
    const passedMs = stepping.now() - written
    hiddenMs = passedMs - 1
    stepping.unknownBefore = stepping.now()
    expectHonest(made, await answerOf(log, name, A_MINUTE, stepping), passedMs)
  })
}

/** Says that the part is left out, and that the log does as it says. */
export function noAging(test: Test): void {
  test('it shares no samples, as it says: what shared ones must be is left out', async (made) => {
    const { log, topic, expect } = made
    const name = await topic(1)
    const clock = { now: () => 0, unknownBefore: -Infinity }
    await answerOf(log, name, A_MINUTE, clock)
    await log.produce(name, [record('a', '1', 0)])
    expect(await answerOf(log, name, A_MINUTE, clock)).toEqual({ end: 1, ageMs: 0 })
  })
}
