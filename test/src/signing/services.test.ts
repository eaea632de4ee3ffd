/** The services with a forger beside: none loads, persists or copies what has no signature. */
import { afterEach, describe, expect, it } from 'vitest'
import { createLoader } from '../../../services/loader/index.ts'
import { createPersister } from '../../../services/persister/index.ts'
import { createSync, createTierFollower } from '../../../services/sync/index.ts'
import { createCache } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { signatures, signed } from '../../../src/signing/index.ts'
import { memory, MemoryLog, memorySink, memoryTier } from '../../../src/testing/index.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'
import { kafkaHandler, persistWrites, verified } from '../../../worker/lambda.ts'
import { msk } from '../../worker/lambda/kafka-events.ts'

const utf8 = new TextEncoder()
const OPTIONS = {
  keys: [{ id: 'k1', secret: utf8.encode('0123456789abcdef0123456789abcdef') }],
  sign: 'require',
} as const
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of closing.splice(0)) await each.close()
})
const kept = <T extends { close(): Promise<void> }>(made: T): T => {
  closing.push(made)
  return made
}

function world() {
  const log = new MemoryLog()
  const kafka = () => signed(memory({ on: log }), OPTIONS)
  const forge = (topic: string, key: string, message: object) =>
    log.append(topic, { key: utf8.encode(key), value: utf8.encode(JSON.stringify({ v: 1, ...message })) })
  return { log, kafka, forge }
}

const write = (value: string, id: string) => ({ op: 'write', ns: 'users', key: '7', value, id, at: 1 })

describe('a persister', () => {
  function stage() {
    const at = world()
    const rows: unknown[] = []
    const kafka = at.kafka()
    const stores = {
      users: async (writes: readonly { value?: unknown }[]) =>
        void rows.push(...writes.map(({ value }) => value)),
    }
    const persister = kept(createPersister({ kafka, stores }))
    const users = kept(createCache({ kafka: at.kafka(), use: [writeIntents()] })).namespace<string>('users')
    return { ...at, kafka, rows, persister, users }
  }

  it('persists what is signed, and buries what is forged', async () => {
    const { forge, rows, persister, users, kafka } = stage()
    forge('cache-writes', 'users/7', write('Mallory', 'a'))
    await writeBehind(users, '7', 'Ada')
    expect(await persister.step({ budget: '5s' })).toMatchObject({ persisted: 1, dead: 1 })
    expect(rows).toEqual(['Ada'])
    expect(kafka.signatures().refused).toBeGreaterThan(0)
  })

  it('does not pass over writes because a stranger says that they are persisted', async () => {
    const { forge, rows, persister, users } = stage()
    await writeBehind(users, '7', 'Ada')
    forge('cache-writes', '', { op: 'written', next: 1 })
    await persister.step({ budget: '5s' })
    expect(rows).toEqual(['Ada'])
  })

  it('goes on behind its own signed position', async () => {
    const { rows, persister, users, kafka } = stage()
    await writeBehind(users, '7', 'Ada')
    await persister.step({ budget: '5s' })
    const next = kept(
      createPersister({ kafka, stores: { users: async (writes) => void rows.push(...writes) } }),
    )
    await next.step({ budget: '5s' })
    expect(rows).toEqual(['Ada'])
  })

  it('in a function that Kafka triggers persists what is signed alone', async () => {
    const { log, rows, persister, users } = stage()
    await writeBehind(users, '7', 'Ada')
    const { records } = log.read(
      'cache-writes',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'committed' },
    )!
    const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes!)
    const own = signatures(OPTIONS)
    const handler = kafkaHandler({ 'cache-writes': verified(persistWrites(persister), own) })
    await handler(
      msk(
        'cache-writes',
        { offset: 0, key: text(records[0]!.key), value: text(records[0]!.value) },
        { offset: 1, key: 'users/7', value: { v: 1, ...write('Mallory', 'b') } },
      ),
    )
    expect([rows, own.stats()]).toMatchObject([['Ada'], { verified: 1, refused: 1 }])
  })
})

it('a loader answers what is signed, and loads nothing for a stranger', async () => {
  const { log, kafka, forge } = world()
  const loaded: string[] = []
  const users = async (ids: readonly string[]) => {
    loaded.push(...ids)
    return new Map(ids.map((id) => [id, `user ${id}`]))
  }
  const loader = kept(createLoader({ kafka: kafka(), loaders: { users }, lookback: 100 }))
  for (const topic of ['cache-evictions', 'cache-updates', 'cache-requests']) log.createTopic(topic)
  const stop = new AbortController()
  const running = loader.run({ signal: stop.signal })
  forge('cache-requests', 'users/6', { op: 'load', ns: 'users', key: '6', deadline: Date.now() + 60_000 })
  const cache = kept(createCache({ kafka: kafka() }))
  await cache.sync()
  const load = viaLoader(async () => 'loaded here', { wait: '5s' })
  expect(await cache.namespace<string>('users').getOrSet('7', load)).toBe('user 7')
  expect(loaded).toEqual(['7'])
  expect(loader.stats()).toMatchObject({ unreadable: 1 })
  stop.abort()
  await running
})

it('a sync copies what is signed, and nothing of a stranger', async () => {
  const { kafka, forge } = world()
  const log = kafka()
  const sink = memorySink()
  const cache = kept(createCache({ kafka: kafka(), use: [replicate()] }))
  await cache.namespace<string>('users').set('7', 'Ada')
  forge('cache-updates', 'users/7', {
    op: 'put',
    ns: 'users',
    key: '7',
    value: 'Mallory',
    ttl: 1e6,
    at: Date.now(),
    asOf: 9,
  })
  forge('cache-updates', 'users/8', {
    op: 'put',
    ns: 'users',
    key: '8',
    value: 'Mallory',
    ttl: 1e6,
    at: Date.now(),
    asOf: 9,
  })
  const unusable: unknown[] = []
  const sync = createSync({
    kafka: log,
    topic: 'cache-updates',
    sink,
    key: '{ns}:{key}',
    format: 'kedge',
    onEvent: (event) => void (event.type === 'unusable' && unusable.push(event)),
  })
  expect(await sync.step({ budget: '10s' })).toMatchObject({ reached: true })
  expect(log.signatures()).toMatchObject({ verified: 1, refused: 2 })
  expect(sink.store.keys()).toEqual(['users:7'])
  expect(new TextDecoder().decode(sink.store.get('users:7'))).toBe('"Ada"')
  expect(unusable).toHaveLength(2)
})

describe('a topic that signed() was not told of', () => {
  const kafka = (topics?: object, sign: 'require' | 'off' = 'require') =>
    signed(memory(), { ...OPTIONS, sign, ...(topics && { topics }) })
  const stores = { users: async () => undefined }
  const sync = { topic: 'mine', sink: memorySink(), key: '{key}' }

  it.each<[string, string, () => object]>([
    ...(['evictions', 'updates', 'requests', 'writes'] as const).map(
      (role): [string, string, () => object] => [
        `a cache, for its ${role}`,
        `\`topics.${role}\``,
        () => createCache({ kafka: kafka(), topics: { [role]: 'mine' } }),
      ],
    ),
    [
      'a cache that is not told of it',
      '`topics.evictions`',
      () => createCache({ kafka: kafka({ evictions: 'mine' }) }),
    ],
    [
      'a loader',
      '`topics.requests`',
      () =>
        createLoader({
          kafka: kafka(),
          topics: { requests: 'mine' },
          loaders: { users: async () => new Map() },
        }),
    ],
    [
      'a persister',
      '`topics.writes`',
      () => createPersister({ kafka: kafka(), stores, topics: { writes: 'mine' } }),
    ],
    [
      'a persister, for its dead letters',
      '`topics.deadLetters`',
      () => createPersister({ kafka: kafka(), stores, topics: { deadLetters: 'mine' } }),
    ],
    ['a sync of values', '`topic`', () => createSync({ kafka: kafka(), format: 'kedge', ...sync })],
    [
      'a sync of evictions',
      '`topics.evictions`',
      () => createTierFollower({ kafka: kafka(), tier: memoryTier(), topics: { evictions: 'mine' } }),
    ],
  ])('is refused by %s', (_, option, make) => {
    expect(make).toThrow(`${option} must be among the \`topics\` of signed()`)
    expect(make).toThrow(TypeError)
  })

  it('fails an invocation of a function that Kafka triggers', async () => {
    const taken: unknown[] = []
    const own = signatures(OPTIONS)
    const handler = kafkaHandler({ mine: verified(async (records) => void taken.push(...records), own) })
    await expect(
      handler(msk('mine', { offset: 0, key: 'users/7', value: write('Mallory', 'a') })),
    ).rejects.toThrow('`topics`: mine must be among those of signatures()')
    expect(taken).toEqual([])
  })

  it('is taken where both know it, where nothing is signed, and by a sync of what is not of kedge', async () => {
    const topics = { evictions: 'mine' }
    kept(createCache({ kafka: kafka(topics), topics }))
    kept(createCache({ kafka: kafka({}, 'off'), topics }))
    expect(() => createSync({ kafka: kafka(), format: 'json', ...sync })).not.toThrow()
  })
})
