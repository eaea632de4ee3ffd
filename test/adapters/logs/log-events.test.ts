import { describe, expect, it } from 'vitest'
import { EVENT_TYPES, isAlwaysTold, levelOf } from '../../../adapters/logs/log-events/event-level.ts'
import { logEvents } from '../../../adapters/logs/log-events.ts'
import type { LogEventsOptions, TypedEvent } from '../../../adapters/logs/log-events.ts'
import { createLoader } from '../../../services/loader/index.ts'
import type { LoaderEvent } from '../../../services/loader/index.ts'
import type { PersisterEvent } from '../../../services/persister/index.ts'
import type { SyncEvent, TierFollowerEvent } from '../../../services/sync/index.ts'
import { createCache } from '../../../src/index.ts'
import type { KedgeEvent } from '../../../src/index.ts'
import { fakeRuntime, memory } from '../../../src/testing/index.ts'

function logged(options: Partial<LogEventsOptions> = {}) {
  const lines: string[] = []
  const clock = { ms: 1_700_000_000_000 }
  const runtime = { now: () => clock.ms, monotonic: () => clock.ms }
  const logger = logEvents({ log: (line) => lines.push(line), runtime, ...options })
  const onEvent = Object.assign((event: AnyEvent | TypedEvent) => logger(event), {
    flush: () => logger.flush(),
  })
  const told = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { onEvent, told, lines, clock }
}

const hit = { type: 'hit', namespace: 'users', key: 'secret-key', stale: false } as const
const failedLoad = {
  type: 'load',
  namespace: 'users',
  keys: ['secret-key'],
  durationMs: 3,
  error: new Error('away'),
} as const

/** All types of events: a new one has to get its level. */
type AnyEvent = KedgeEvent | SyncEvent | TierFollowerEvent | LoaderEvent | PersisterEvent
const TYPES = {
  hit: 0,
  miss: 0,
  load: 0,
  ask: 0,
  takeover: 0,
  refuse: 0,
  drop: 0,
  poll: 0,
  poll_failed: 0,
  proxy_too_slow: 0,
  reanchor: 0,
  evict: 0,
  unreadable: 0,
  publish: 0,
  publish_failed: 0,
  horizon: 0,
  token_ahead: 0,
  tier: 0,
  clock_back: 0,
  tier_state: 0,
  short_ttl: 0,
  background_error: 0,
  begin: 0,
  went_back: 0,
  lost: 0,
  progress: 0,
  caught_up: 0,
  stalled: 0,
  batch: 0,
  partitions: 0,
  key_moved: 0,
  store_failed: 0,
  log_failed: 0,
  hook_failed: 0,
  store_waits: 0,
  log_waits: 0,
  hook_waits: 0,
  store_recovered: 0,
  log_recovered: 0,
  hook_recovered: 0,
  unusable: 0,
  suspect_time: 0,
  dead_letters_lost: 0,
  apply: 0,
  failed: 0,
  batch_failed: 0,
  request_dropped: 0,
  requests_unread: 0,
  requests_skipped: 0,
  request_unreadable: 0,
  persisted: 0,
  persist_failed: 0,
  dead_letter: 0,
  writes_lost: 0,
  step_failed: 0,
} satisfies Record<AnyEvent['type'], 0>

describe('the levels of events', () => {
  it('are there for each event of a cache and of the services, and for no other', () => {
    expect(EVENT_TYPES.toSorted()).toEqual(Object.keys(TYPES).toSorted())
  })

  it('of an event that is not known yet are those of one that fails or not', () => {
    expect(levelOf({ type: 'new' })).toBe('debug')
    expect(levelOf({ type: 'toString' })).toBe('debug')
    expect(levelOf({ type: 'new', error: 1 } as { type: string })).toBe('error')
  })
})

describe('logEvents', () => {
  it('writes a line of JSON for what goes wrong, and nothing for what is usual', () => {
    const { onEvent, told, clock } = logged()
    onEvent(hit)
    onEvent({ type: 'reanchor', partition: 0, reason: 'behind', offset: 7 } satisfies KedgeEvent)
    onEvent(failedLoad)
    const time = new Date(clock.ms).toISOString()
    expect(told()).toEqual([
      { time, level: 'warn', event: 'reanchor', partition: 0, reason: 'behind', offset: 7 },
      {
        time,
        level: 'error',
        event: 'load',
        namespace: 'users',
        keys: 1,
        durationMs: 3,
        error: { name: 'Error', message: 'away' },
      },
    ])
  })

  it('begins each line with time, level and event, and has further fields that replace none of them', () => {
    const { onEvent, lines } = logged({ fields: { service: 'shop', level: 'x', event: 'y', namespace: 'z' } })
    onEvent(failedLoad)
    expect(lines[0]).toMatch(/^\{"time":"[^"]+","level":"error","event":"load","service":"shop"/)
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', event: 'load', namespace: 'users' })
  })

  it('tells at a level what matters as much, and more', () => {
    const events = [
      hit,
      { type: 'takeover', namespace: 'n', key: 'k' },
      { type: 'refuse', namespace: 'n', key: 'k', reason: 'size' },
      failedLoad,
    ]
    const typesAt = (level: NonNullable<LogEventsOptions['level']>) => {
      const { onEvent, told } = logged({ level })
      for (const event of events) onEvent(event)
      return told().map(({ event }) => event)
    }
    expect(typesAt('error')).toEqual(['load'])
    expect(typesAt('warn')).toEqual(['refuse', 'load'])
    expect(typesAt('info')).toEqual(['takeover', 'refuse', 'load'])
    expect(typesAt('debug')).toEqual(['hit', 'takeover', 'refuse', 'load'])
  })

  it('tells a share of the events of a type, evenly, and says which share', () => {
    const { onEvent, told, clock } = logged({ sample: { hit: 0.01, miss: 0, poll: 1 } })
    for (let n = 0; n < 1000; n++, clock.ms += 100) onEvent(hit)
    onEvent({ type: 'miss', namespace: 'users', key: 'k' } satisfies KedgeEvent)
    onEvent({ type: 'poll', durationMs: 2.34567, records: 0, verified: true, ageMs: 0 } satisfies KedgeEvent)
    const hits = told().filter(({ event }) => event === 'hit')
    expect(hits).toHaveLength(10)
    expect(hits[0]).toMatchObject({ sampled: 0.01, stale: false })
    expect(told().at(-1)).toMatchObject({ event: 'poll', durationMs: 2.346, verified: true })
    expect(told()).toHaveLength(11)
  })

  it('tells a failure of a type that is sampled', () => {
    const { onEvent, told } = logged({ sample: { load: 0 } })
    onEvent({ ...failedLoad, error: undefined })
    onEvent(failedLoad)
    expect(told()).toEqual([expect.objectContaining({ event: 'load', level: 'error' })])
  })

  it('writes so many lines a second, keeps room for failures, and says what it has left out', () => {
    const { onEvent, told, clock } = logged({ level: 'debug', maxLinesPerSecond: 10 })
    for (let n = 0; n < 100; n++) onEvent(hit)
    for (let n = 0; n < 7; n++) onEvent(failedLoad)
    expect(told().map(({ event }) => event)).toEqual([...Array(5).fill('hit'), ...Array(5).fill('load')])
    clock.ms += 999
    onEvent(hit)
    expect(told()).toHaveLength(10)
    clock.ms += 1
    onEvent(hit)
    expect(told().slice(10)).toMatchObject([
      { event: 'left_out', level: 'warn', count: 98, events: { hit: 96, load: 2 } },
      { event: 'hit' },
    ])
    onEvent.flush()
    expect(told()).toHaveLength(12)
  })

  it('says at its end what it has left out', () => {
    const { onEvent, told } = logged({ maxLinesPerSecond: 1 })
    onEvent(failedLoad)
    onEvent(failedLoad)
    onEvent.flush()
    expect(told().at(-1)).toMatchObject({ event: 'left_out', count: 1, events: { load: 1 } })
  })

  it('goes on where the clock has stepped back', () => {
    const { onEvent, told, clock } = logged({ maxLinesPerSecond: 1 })
    onEvent(failedLoad)
    clock.ms -= 3_600_000
    onEvent(failedLoad)
    expect(told()).toHaveLength(2)
  })

  it('has no key, value, token or reason in words of an event, whatever its type', () => {
    const { onEvent, lines } = logged({ level: 'debug', maxLinesPerSecond: 1000 })
    for (const type of EVENT_TYPES)
      onEvent({
        type,
        key: 'secret-key',
        keys: ['secret-key'],
        token: 'secret-token',
        value: 4_711_001,
        says: 'secret-text',
        reason: 'the row secret-key is refused',
        because: 'secret text',
      } as { type: string })
    expect(lines).toHaveLength(EVENT_TYPES.length)
    expect(lines.join('\n')).not.toMatch(/secret|4711001/)
  })

  it('has each text redacted', () => {
    const { onEvent, lines } = logged({ redact: (text) => text.replaceAll(/user \d+/g, 'user …') })
    onEvent({ ...failedLoad, error: new Error('user 7 is not there', { cause: new Error('no user 7') }) })
    expect(lines[0]).toContain('user … is not there')
    expect(lines[0]).not.toContain('7')
  })

  it('hears a real cache: its loads, and none of its keys and values', async () => {
    const { onEvent, told, lines } = logged({ level: 'debug', maxLinesPerSecond: 1000 })
    const cache = createCache({ kafka: memory(), runtime: fakeRuntime(), onEvent })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('key-7', () => 'value-7')
    await users.getOrSet('key-7', () => 'value-7')
    await users.delete('key-7')
    await users.getOrSet('key-8', () => Promise.reject(new Error('away'))).catch(() => undefined)
    const types = told().map(({ event }) => event)
    for (const type of ['reanchor', 'poll', 'miss', 'load', 'hit', 'publish', 'drop'])
      expect(types).toContain(type)
    expect(told().findLast(({ event }) => event === 'load')).toMatchObject({ level: 'error', keys: 1 })
    expect(lines.join('\n')).not.toMatch(/key-|value-/)
    await cache.close()
  })

  it('takes the events of services by their own types', () => {
    const { onEvent } = logged()
    const loader = createLoader({ kafka: memory(), loaders: { users: async () => new Map() }, onEvent })
    expect(loader.stats().values).toBe(0)
  })

  it.each([
    [{ log: 'console' }, '`log`'],
    [{ level: 'fatal' }, '`level`: must be error, warn, info or debug'],
    [{ sample: { hit: 2 } }, '`sample`: must be numbers from 0 to 1'],
    [{ sample: [0.1] }, '`sample`: must be an object'],
    [{ sample: { hits: 0.1 } }, '`sample.hits`: is not the type of an event'],
    [{ sample: { refuse: 0.1 } }, '`sample.refuse`: always has its lines'],
    [{ maxLinesPerSecond: 0 }, '`maxLinesPerSecond`: must be a whole number from 1 to 100000'],
    [{ fields: { a: {} } }, '`fields`: must be texts, numbers, true or false'],
    [{ redact: 1 }, '`redact`'],
    [{ runtime: 1 }, '`runtime`'],
    [{ sink: 1 }, '`sink` is not an option of logEvents()'],
  ])('refuses %j', (options, says) => {
    expect(() => logEvents({ log: () => {}, ...options } as never)).toThrow(says)
    expect(() => logEvents({ log: () => {}, ...options } as never)).toThrow(TypeError)
  })

  it('samples no type that says that something is wrong', () => {
    expect(EVENT_TYPES.filter(isAlwaysTold)).toEqual(
      expect.arrayContaining(['refuse', 'publish_failed', 'poll_failed', 'background_error', 'unreadable']),
    )
    expect(EVENT_TYPES.filter((type) => !isAlwaysTold(type))).toEqual(
      expect.arrayContaining(['hit', 'miss', 'load', 'poll', 'evict']),
    )
  })
})
