import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Replacement } from '../runtime/bundle.ts'
import type { Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

const MAX_STALENESS_MS = 1000
const COHERENT = { MAX_STALENESS: `${MAX_STALENESS_MS}ms` }
/** No poll comes on its own: an isolate knows what a token showed it, and what it did itself. */
const UNHURRIED = { MAX_STALENESS: '1h' }

let world: World
/** Two isolates that poll; two that do not unless they must. */
let a: Client
let b: Client
let idleA: Client
let idleB: Client
beforeAll(async () => {
  world = await startWorld({ known: 0 })
  const starting = [COHERENT, COHERENT, UNHURRIED, UNHURRIED].map((bindings) => world.isolate({ bindings }))
  await Promise.allSettled(starting)
  ;[a, b, idleA, idleB] = (await Promise.all(starting)) as [Client, Client, Client, Client]
})
afterAll(() => world.close())

/** Reads until the value is held, and so a hit. */
async function held(client: Client, key: string): Promise<void> {
  await until(async () => (await client.read(key)).cacheStatus.includes('hit'), `${key} is held`)
}

/** Has the isolate read the log up to the token. A value that is held must wait for that; a miss would not. */
async function told(client: Client, token: string): Promise<void> {
  await held(client, 'known')
  expect((await client.read('known', { after: token })).status).toBe(200)
}

describe('two isolates of workerd and one log', () => {
  it('a delete through one is visible in the other within maxStaleness', async () => {
    world.source.rows.set('within', 'old')
    await Promise.all([held(a, 'within'), held(b, 'within')])
    world.source.rows.set('within', 'new')
    await a.evict('within')
    const acknowledged = performance.now()
    await until(async () => {
      const began = performance.now()
      const { value } = await b.read('within')
      if (value === 'old') expect(began - acknowledged).toBeLessThan(MAX_STALENESS_MS)
      return value === 'new'
    }, 'the delete is visible')
    expect((await a.read('within')).value).toBe('new')
  })

  it('and at once with the token, in the header or the cookie', async () => {
    for (const [key, name] of [
      ['header', 'kedge-token'],
      ['cookie', 'cookie'],
    ] as const) {
      world.source.rows.set(key, 'old')
      await Promise.all([held(idleA, key), held(idleB, key)])
      world.source.rows.set(key, 'new')
      const token = await idleA.evict(key)
      // Without the token it may not know of the eviction yet: so the token makes the difference.
      expect(await idleB.read(key)).toMatchObject({ value: 'old' })
      const headers = { [name]: name === 'cookie' ? `kedge-token=${token}` : token }
      expect(await idleB.read(key, { headers })).toMatchObject({ value: 'new' })
    }
  })

  it('a write through one commits to the origin and is read from the other', async () => {
    world.source.rows.set('written', 'old')
    await Promise.all([held(idleA, 'written'), held(idleB, 'written')])
    const { status, token } = await idleA.ask('/cache/rows/written', {
      method: 'PUT',
      body: { value: 'new' },
    })
    expect(status).toBe(200)
    expect(world.source.rows.get('written')).toBe('new')
    expect(await idleB.read('written', { after: token })).toMatchObject({ value: 'new' })
  })

  it.for([
    ['tags', { namespace: 'rows', tags: ['first:g'] }],
    ['a prefix', { namespace: 'rows', prefix: 'group/' }],
    ['a namespace', { namespace: 'rows', all: true }],
    ['everything', { all: true }],
  ] as const)('an eviction of %s reaches the other isolate', async ([what, body]) => {
    const key = `group/${what}`
    world.source.rows.set(key, 'old')
    await Promise.all([held(idleA, key), held(idleB, key)])
    world.source.rows.set(key, 'new')
    const { status, token } = await idleA.ask('/evictions', { method: 'POST', body })
    expect(status).toBe(200)
    expect(await idleB.read(key, { after: token })).toMatchObject({ value: 'new' })
    expect(await idleA.read(key)).toMatchObject({ value: 'new' })
  })
})

describe('many requests at once', () => {
  it('for one key are one read of the origin in each isolate', async () => {
    world.source.rows.set('popular', 'row')
    const gate = world.source.hold('popular')
    const answers = [a, b].flatMap((client) => Array.from({ length: 100 }, () => client.read('popular')))
    await gate.caughtAtLeast(2)
    gate.open()
    for (const { status, value } of await Promise.all(answers)) expect([status, value]).toEqual([200, 'row'])
    expect(world.source.reads('popular')).toBe(2)
  })

  it('for one key get the failure of the origin, and the next one loads again', async () => {
    world.source.rows.set('failing', undefined)
    const gate = world.source.hold('failing')
    const answers = Array.from({ length: 20 }, () => a.read('failing'))
    await gate.caughtAtLeast(1)
    gate.open()
    for (const { status } of await Promise.all(answers)) expect(status).toBe(502)
    world.source.rows.set('failing', 'well')
    expect(await a.read('failing')).toMatchObject({ value: 'well' })
  })
})

/** What is seen of a load that was under way when its key was deleted. */
interface AcrossDelete {
  /** What the request got that began the load. */
  readonly leading: unknown
  readonly leadingStatus: string
  /** What a request got that came after the delete, while the load was still under way; absent if none came. */
  readonly between: unknown
  /** What a request got after the load, though it showed the token. */
  readonly after: unknown
  readonly reads: number
}

/** How long a request gets to arrive, where the test cannot see that it has. */
const ARRIVAL_MS = 200

/**
 * A load in `reader` that saw the old row, a delete through `writer`, and then the answer of the load. `late` is a
 * request between these two: one that is answered before the load is, or one that is only sent.
 */
async function loadAcrossDelete(
  { source }: World,
  key: string,
  { reader, writer, late }: { reader: Client; writer: Client; late: 'none' | 'answered' | 'sent' },
): Promise<AcrossDelete> {
  source.rows.set(key, 'old')
  // Only the first read is held up, so that a later one differs from those that share it.
  const gate = source.hold(key, 1)
  const first = reader.read(key)
  await gate.caughtAtLeast(1)
  source.rows.set(key, 'new')
  const token = await writer.evict(key)
  await told(reader, token)
  const between = late === 'none' ? undefined : reader.read(key)
  await (late === 'sent' ? sleep(ARRIVAL_MS) : between)
  gate.open()
  const leading = await first
  return {
    leading: leading.value,
    leadingStatus: leading.cacheStatus,
    between: (await between)?.value,
    after: (await reader.read(key, { after: token })).value,
    reads: source.reads(key),
  }
}

/** A world of its own, whose isolates lack something. */
async function without(
  replacements: readonly Replacement[],
  test: (at: World, reader: Client, writer: Client) => Promise<void>,
) {
  await using lacking = await startWorld({ known: 0 })
  const spec = { bindings: UNHURRIED, replacements }
  await test(lacking, await lacking.isolate(spec), await lacking.isolate(spec))
}

describe('a load under way when its key is deleted', () => {
  const kept = { leading: 'old', leadingStatus: 'kedge; fwd=miss; detail=fenced', after: 'new', reads: 2 }

  it('is returned to its caller and not cached, when the delete came through the same isolate', async () => {
    const seen = await loadAcrossDelete(world, 'own-1', { reader: idleA, writer: idleA, late: 'none' })
    expect(seen).toEqual({ ...kept, between: undefined })
  })

  it('is returned to its caller and not cached, when the delete came through the other one', async () => {
    const seen = await loadAcrossDelete(world, 'other-1', { reader: idleA, writer: idleB, late: 'none' })
    expect(seen).toEqual({ ...kept, between: undefined })
  })

  it('is not shared with callers after the delete, and does not replace what they loaded', async () => {
    for (const writer of [idleA, idleB]) {
      const key = writer === idleA ? 'own-2' : 'other-2'
      const seen = await loadAcrossDelete(world, key, { reader: idleA, writer, late: 'answered' })
      expect(seen).toEqual({ ...kept, between: 'new' })
    }
  })

  it('is dropped as soon as the delete is known, when it was cached before that', async () => {
    world.source.rows.set('late', 'old')
    const gate = world.source.hold('late', 1)
    const first = idleA.read('late')
    await gate.caughtAtLeast(1)
    world.source.rows.set('late', 'new')
    const token = await idleB.evict('late')
    gate.open()
    expect(await first).toMatchObject({ value: 'old' })
    expect(await idleA.read('late', { after: token })).toMatchObject({ value: 'new' })
  })

  it('would be cached, against the promise, if loads were not fenced', async () => {
    const fence: Replacement = {
      file: 'src/coherence/coherent-store.ts',
      from: 'if (reason !== undefined) return this.#refuse(key, reason)\n',
      to: "if (reason !== undefined && reason !== 'fenced') return this.#refuse(key, reason)\n",
    }
    await without([fence], async (at, reader, writer) => {
      for (const by of [reader, writer]) {
        const key = by === reader ? 'own' : 'other'
        const seen = await loadAcrossDelete(at, key, { reader, writer: by, late: 'none' })
        expect(seen).toMatchObject({ leadingStatus: 'kedge; fwd=miss; stored', after: 'old', reads: 1 })
      }
    })
  })

  it('would be handed to callers after the delete, if any load could be shared', async () => {
    const joinability: Replacement = {
      file: 'src/read/single-flight.ts',
      from: 'if (!this.#space.joinable(key, flight.asOf, flight.startedAt, now)) return false\n',
      to: '',
    }
    await without([joinability], async (at, reader, writer) => {
      for (const by of [reader, writer]) {
        let nth = 0
        await until(async () => {
          const key = `${by === reader ? 'own' : 'other'}-${nth++}`
          return (await loadAcrossDelete(at, key, { reader, writer: by, late: 'sent' })).between === 'old'
        }, 'a load is shared that began before the delete')
      }
    })
  })
})
