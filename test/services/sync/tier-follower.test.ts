import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import { memory, memoryTier } from '../../../src/testing/index.ts'
import type { MemoryKafka, MemoryOptions, MemoryTier } from '../../../src/testing/index.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import type { TierWrite } from '../../../src/ports/tier.ts'
import { createTierFollower } from '../../../services/sync/tier-follower.ts'
import type { TierFollowerEvent, TierFollowerOptions } from '../../../services/sync/tier-follower-options.ts'
import { world } from '../../src/world.ts'
import type { World } from '../../src/world.ts'

const TOPIC = 'cache-evictions'
const encoder = new TextEncoder()

let at: World
let tier: MemoryTier

beforeEach(() => {
  at = world()
  tier = memoryTier({ runtime: at.runtime })
  at.log.createTopic(TOPIC, { partitions: 1 })
})

const append = (value: object | string | null, key: string | null = null) =>
  at.log.append(TOPIC, {
    key: key === null ? null : encoder.encode(key),
    value: value === null ? null : encoder.encode(typeof value === 'string' ? value : JSON.stringify(value)),
  })

const evict = (body: object) => append({ v: 1, op: 'evict', ns: 'users', ...body }, 'users')
const end = () => at.log.offsets(TOPIC, 0).end
const logId = () => at.log.offsets(TOPIC, 0).logId

/** Stores values as of now, in two namespaces. */
function store(...keys: string[]): void {
  const writes = keys.map((key): TierWrite => {
    return { key, bytes: encoder.encode(key), asOf: end(), version: undefined, ttlMs: 60_000 }
  })
  for (const namespace of ['users', 'orders'])
    tier.store.setMany({ namespace, partition: 0, logId: logId() }, writes)
}

/** What is in the tier and covered. */
function covered(...keys: string[]): string[] {
  return ['users', 'orders'].flatMap((namespace) => {
    const { items } = tier.store.getMany({ namespace, partition: 0, logId: logId() }, keys)
    return keys.filter((key) => items.get(key)?.covered).map((key) => `${namespace}/${key}`)
  })
}

function made(options: Partial<TierFollowerOptions> = {}, kafkaOptions: MemoryOptions = {}) {
  const events: TierFollowerEvent[] = []
  const kafka: MemoryKafka = memory({ on: at.log, runtime: at.runtime, ...kafkaOptions })
  const own = memoryTier({ on: tier.store, runtime: at.runtime })
  const follower = createTierFollower({
    kafka,
    tier: own,
    runtime: at.runtime,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const begun = () => events.flatMap((event) => (event.type === 'begin' ? [event.reason] : []))
  return { follower, kafka, tier: own, events, begun, step: () => at.run(follower.step()) }
}

describe('a step', () => {
  it('begins at the end where no follower has begun, then applies what comes', async () => {
    append({ key: 'a' })
    const { step, follower } = made()
    expect(await step()).toEqual({ records: 0, begun: [0], atEnd: true })
    expect(tier.store.position(0)).toEqual({ position: 1, logId: logId() })
    store('a', 'b')
    evict({ keys: ['a'] })
    append({ v: 1, op: 'beat' })
    expect(await step()).toEqual({ records: 2, begun: [], atEnd: true })
    expect(covered('a', 'b')).toEqual(['users/b', 'orders/a', 'orders/b'])
    expect(follower.lag()).toMatchObject({ records: 0, ms: 0, failures: 0 })
  })

  it('goes on where another applier was, with nothing of its own', async () => {
    await made().step()
    store('a')
    evict({ keys: ['a'] })
    expect(await made().step()).toMatchObject({ records: 1, begun: [] })
    expect(covered('a')).toEqual(['orders/a'])
  })

  it.each<[string, () => unknown, string[]]>([
    ['keys of a namespace', () => evict({ keys: ['a'] }), ['users/b', 'orders/a', 'orders/b']],
    ['a tag', () => evict({ tags: ['t'] }), ['orders/a', 'orders/b']],
    ['a prefix', () => evict({ prefixes: ['x'] }), ['orders/a', 'orders/b']],
    ['a namespace', () => append({ v: 1, op: 'clear', ns: 'users' }), ['orders/a', 'orders/b']],
    ['everything', () => append({ v: 1, op: 'clear' }), []],
    [
      'an announced expiry',
      () => evict({ keys: ['a'], why: 'ttl', from: 'x' }),
      ['users/b', 'orders/a', 'orders/b'],
    ],
    [
      'what is about to be written',
      () => append({ v: 1, op: 'intent', ns: 'users', keys: ['a'], id: 'i', ttl: 1000 }),
      ['users/b', 'orders/a', 'orders/b'],
    ],
    ['a key of any namespace', () => append({ key: 'a' }), ['users/b', 'orders/b']],
    [
      'a key, beside a record key that may be a namespace',
      () => append({ key: 'a' }, 'users'),
      ['users/b', 'orders/b'],
    ],
    [
      'a key, and the namespace that the record key names instead',
      () => append({ v: 1, op: 'evict', ns: 'users', keys: ['a'] }, 'orders'),
      ['users/b'],
    ],
    [
      'both namespaces, where a clear of one stands under the name of the other',
      () => append({ v: 1, op: 'clear', ns: 'users' }, 'orders'),
      [],
    ],
    [
      'a key, where the message stands under that key',
      () => append({ v: 1, op: 'evict', ns: 'users', keys: ['orders'] }, 'orders'),
      ['users/a', 'users/b', 'orders/a', 'orders/b'],
    ],
    [
      'nothing by a beat',
      () => append({ v: 1, op: 'beat' }, 'users'),
      ['users/a', 'users/b', 'orders/a', 'orders/b'],
    ],
    ['everything by garbage without a key', () => append('garbage'), []],
    ['everything by garbage under any key', () => append('garbage', 'users'), []],
    ['a key by a tombstone', () => append(null, 'a'), ['users/b', 'orders/b']],
    ['a key by a tombstone under its JSON', () => append(null, '"a"'), ['users/b', 'orders/b']],
    ['a namespace by a tombstone under its name', () => append(null, 'users'), ['orders/a', 'orders/b']],
    [
      'a namespace by a message of a later release',
      () => append({ v: 2, op: 'x', ns: 'users' }),
      ['orders/a', 'orders/b'],
    ],
  ])('evicts %s', async (_, write, left) => {
    const { step } = made()
    await step()
    store('a', 'b')
    write()
    await step()
    expect(covered('a', 'b')).toEqual(left)
  })

  it('keeps values of a version that an eviction spares', async () => {
    const { step } = made()
    await step()
    const place = { namespace: 'users', partition: 0, logId: logId() }
    const bytes = encoder.encode('x')
    tier.store.setMany(place, [{ key: 'a', bytes, asOf: end(), version: 3, ttlMs: 60_000 }])
    evict({ keys: ['a'], version: 3 })
    await step()
    expect(covered('a')).toEqual(['users/a'])
    evict({ keys: ['a'], version: 4 })
    await step()
    expect(covered('a')).toEqual([])
  })

  it('applies in batches, each of which stays when a later one fails', async () => {
    const { step, follower, tier: own, events } = made({ maxRecords: 2 })
    await step()
    store('a', 'b', 'c')
    for (const key of ['a', 'b', 'c']) evict({ keys: [key] })
    own.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), {
      on: 'apply',
      when: 'after',
      times: 1,
    })
    await expect(at.run(follower.step())).rejects.toMatchObject({ code: 'ERR_NETWORK' })
    expect(tier.store.position(0)?.position).toBe(2)
    expect(follower.lag().records).toBe(3)
    await step()
    expect(covered('a', 'b', 'c')).toEqual(['orders/a', 'orders/b', 'orders/c'])
    expect(events.at(-1)).toMatchObject({ type: 'apply', from: 2, to: 3, evictions: 1 })
  })

  it('reads a record that is larger than an answer', async () => {
    const { step } = made({ maxBytes: 10 })
    await step()
    store('a')
    evict({ keys: ['a', 'x'.repeat(100)] })
    await step()
    expect(covered('a')).toEqual(['orders/a'])
  })

  it('goes on however often the log returns nothing between its answers', async () => {
    const own = made()
    let reads = 0
    const read: KafkaLog['read'] = async (topic, from, options) =>
      reads++ % 2 === 0
        ? { records: [], next: [...from], outOfRange: [] }
        : own.kafka.read(topic, from, { ...options, maxBytes: 1 })
    const { step, begun } = made({ kafka: { ...own.kafka, read } })
    await step()
    store('z')
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) evict({ keys: [key] })
    expect(await step()).toEqual({ records: 7, begun: [], atEnd: true })
    expect(covered('z')).toEqual(['users/z', 'orders/z'])
    expect(begun()).toEqual(['start'])
  })

  it('follows each partition of the topic', async () => {
    at.log.createTopic('two', { partitions: 2 })
    const { follower } = made({ topics: { evictions: 'two' } })
    expect(await at.run(follower.step())).toMatchObject({ begun: [0, 1] })
    await expect(
      at.run(made({ topics: { evictions: 'two' }, partitions: [1, 5] }).follower.step()),
    ).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
  })

  it('rejects with the reason when it is aborted', async () => {
    const { follower, kafka } = made()
    kafka.pause()
    const controller = new AbortController()
    const step = follower.step({ signal: controller.signal })
    const reason = new Error('enough')
    await at.runtime.settle()
    controller.abort(reason)
    await expect(step).rejects.toBe(reason)
  })
})

describe('whatever was missed uncovers what is in the tier', () => {
  it('a wiped store', async () => {
    const { step, begun } = made()
    await step()
    store('a')
    tier.store.wipe()
    store('a')
    expect(await step()).toMatchObject({ begun: [0] })
    expect(covered('a')).toEqual([])
    store('a')
    expect(covered('a')).toEqual(['users/a', 'orders/a'])
    expect(begun()).toEqual(['start', 'start'])
  })

  it('retention that was faster', async () => {
    const { step, begun } = made()
    await step()
    store('a')
    for (const key of ['a', 'b', 'c']) append({ key })
    at.log.truncate(TOPIC, 0, 2)
    await step()
    expect(covered('a')).toEqual([])
    expect(begun()).toEqual(['start', 'truncated'])
    expect(tier.store.position(0)?.position).toBe(3)
  })

  it('a record that no answer holds', async () => {
    const own = made()
    const read: KafkaLog['read'] = async (topic, from, options) => {
      const answer = await own.kafka.read(topic, from, { ...options, maxBytes: 1_000_000 })
      const fits = answer.records.every(({ value }) => (value?.length ?? 0) < 50)
      return fits ? answer : { records: [], next: [...from], outOfRange: [] }
    }
    const { step, begun, events } = made({ kafka: { ...own.kafka, read } })
    await step()
    store('a')
    evict({ keys: ['a', 'x'.repeat(100)] })
    expect(await step()).toMatchObject({ records: 0, begun: [0], atEnd: true })
    expect(covered('a')).toEqual([])
    expect(begun()).toEqual(['start', 'stalled'])
    expect(events.filter(({ type }) => type === 'apply')).toEqual([])
  })

  it('a topic that was recreated', async () => {
    append({ key: 'x' })
    const { step, begun } = made()
    await step()
    store('a')
    at.log.recreateTopic(TOPIC)
    await step()
    expect(covered('a')).toEqual([])
    expect(tier.store.position(0)).toEqual({ position: 0, logId: logId() })
    expect(begun()).toEqual(['start', 'replaced'])
  })

  it('a topic that was recreated, in a log without an identity', async () => {
    const { step, begun } = made({}, { capabilities: { identity: false } })
    append({ key: 'x' })
    await step()
    append({ key: 'y' })
    await step()
    at.log.recreateTopic(TOPIC)
    await step()
    expect(begun()).toEqual(['start', 'rewound'])
    expect(tier.store.position(0)).toEqual({ position: 0, logId: undefined })
    // Grown beyond the position by the time of the check: the last record is not where it was.
    append({ key: 'z' })
    await step()
    at.log.recreateTopic(TOPIC)
    for (const key of ['p', 'q', 'r']) append({ key })
    await step()
    expect(begun()).toEqual(['start', 'rewound', 'replaced'])
    expect(tier.store.position(0)?.position).toBe(3)
  })
})

describe('following', () => {
  it('applies soon after a record arrives, by long polls, until it is aborted', async () => {
    const { follower, kafka } = made({ wait: '10s' })
    const controller = new AbortController()
    const done = follower.follow({ signal: controller.signal })
    await at.runtime.advance(100)
    store('a')
    const { read } = kafka.calls
    evict({ keys: ['a'] })
    await at.runtime.settle()
    expect(covered('a')).toEqual(['orders/a'])
    expect(kafka.calls.read).toBeLessThan(read + 4)
    controller.abort()
    await done
    await at.runtime.settle()
    expect(at.runtime.sleeping).toBe(0)
  })

  it('asks now and then where the log has no long polls', async () => {
    const { follower, kafka } = made({ wait: '1s' }, { capabilities: { longPoll: false } })
    const controller = new AbortController()
    const done = follower.follow({ signal: controller.signal })
    await at.runtime.advance(10_000)
    expect(kafka.calls.offsets).toBeLessThanOrEqual(12)
    controller.abort()
    await done
  })

  it('repeats what fails with growing pauses, and reports how far it lags', async () => {
    const { follower, tier: own, events } = made()
    const controller = new AbortController()
    const done = follower.follow({ signal: controller.signal })
    await at.runtime.advance(100)
    own.fail(new KedgeError('ERR_NETWORK', 'reset'))
    evict({ keys: ['a'] })
    await at.runtime.advance(30_000)
    const pauses = events.flatMap((event) => (event.type === 'failed' ? [event.retryInMs] : []))
    expect(pauses.length).toBeLessThan(12)
    expect(pauses.at(-1)).toBeGreaterThan(4000)
    expect(follower.lag()).toMatchObject({ records: 1, failures: pauses.length })
    expect(follower.lag().ms).toBeGreaterThan(29_000)
    own.fail()
    await at.runtime.advance(11_000)
    expect(follower.lag()).toMatchObject({ records: 0, failures: 0 })
    controller.abort()
    await done
  })
})

it('a tier without an applier is refused', () => {
  const { applier: _, ...without } = tier
  expect(() => createTierFollower({ kafka: memory(), tier: without })).toThrow('`tier`: has no applier')
})

it.each([
  [{ maxRecords: 0 }, '`maxRecords`'],
  [{ maxBytes: -1 }, '`maxBytes`'],
  [{ partitions: [] }, '`partitions`'],
  [{ topics: { evictions: 'a/b' } }, '`topics.evictions`'],
  [{ timeout: 0 }, '`timeout`'],
  [{ onEvent: 1 }, '`onEvent`'],
  [{ odd: 1 }, '`odd`'],
])('refuses %j', (options, said) => {
  const wrong = { kafka: memory(), tier, ...options } as never
  expect(() => createTierFollower(wrong)).toThrow(TypeError)
  expect(() => createTierFollower(wrong)).toThrow(said)
})
