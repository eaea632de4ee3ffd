/** Hooks around a proof that are slow, or hang: what reads see of them, and what becomes of what the hooks have read. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions, Feature, FeatureHooks } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { deferred, readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const never = () => new Promise<never>(() => undefined)
const own = (hooks: FeatureHooks, name = 'own'): Feature => ({ name, open: () => hooks })
const ready = (use: readonly Feature[], more: Partial<CacheOptions> = {}) => readyIn(at, { use, ...more })
const utf8 = (text: string) => new TextEncoder().encode(text)

/** A hook that reads for `ms`, and notes when it was asked, and when what it read was applied. */
function reading(ms: () => number) {
  const asked: number[] = []
  const applied: number[] = []
  const hooks: FeatureHooks = {
    async beforeProof() {
      const n = asked.push(at.runtime.monotonic()) - 1
      await at.runtime.sleep(ms())
      return async () => void applied.push(n)
    },
  }
  return { asked, applied, hooks }
}

/** Reads of a held value, each so late that it waits for a proof: how long each took, and what was said of its value. */
async function reads(of: Awaited<ReturnType<typeof ready>>, count: number) {
  const took: number[] = []
  const said = new Set<string | undefined>()
  await at.run(of.users.getOrSet('1', () => 'a'))
  for (let n = 0; n < count; n++) {
    await at.runtime.advance(2500)
    const began = at.runtime.monotonic()
    said.add((await at.run(of.users.getEntry('1'))).staleBecause)
    took.push(at.runtime.monotonic() - began)
  }
  return { took, said: [...said] }
}

const HANGING: [string, Feature[]][] = [
  ['reads', [own({ beforeProof: never })]],
  ['applies', [own({ beforeProof: async () => never })]],
  ['applies, beside another', ['a', 'b'].map((name) => own({ beforeProof: async () => never }, name))],
]

describe('a hook that hangs', () => {
  for (const onUnreachable of ['stale', 'throw'] as const)
    it.each(HANGING)(
      `while it %s takes no proof away from reads, under '${onUnreachable}'`,
      async (_, use) => {
        const isolate = await ready(use, { onUnreachable })
        const { took, said } = await reads(isolate, 8)
        expect(said).toEqual([undefined])
        // Where it is tried again, once in a while, a read waits for half of `pollTimeout`.
        expect(Math.max(...took)).toBeLessThanOrEqual(250)
        expect(took.filter((ms) => ms > 0).length).toBeLessThanOrEqual(4)
        expect(isolate.of('poll_failed')).toEqual([])
        expect(isolate.of('background_error')[0]).toMatchObject({ error: { code: 'ERR_TIMEOUT' } })
        await isolate.cache.close()
        await at.runtime.settle()
        expect(at.runtime.sleeping).toBe(0)
      },
    )

  it('is left out for longer each time, and heard again once it answers', async () => {
    const hook = reading(() => (at.runtime.monotonic() < 100_000 ? 1e9 : 0))
    const { cache, of } = await ready([own(hook.hooks)])
    for (let second = 0; second < 150; second++) {
      await at.runtime.advance(1000)
      await at.run(cache.sync())
    }
    const silent = hook.asked.filter((time) => time < 100_000)
    const pauses = silent.slice(1).map((time, n) => time - silent[n]!)
    expect(of('background_error')).toHaveLength(silent.length)
    expect(silent.length).toBeGreaterThan(3)
    expect(silent.length).toBeLessThan(10)
    expect(pauses.at(-1)).toBeGreaterThan(20_000)
    // From then on it is asked at each poll.
    expect(hook.applied.length).toBeGreaterThan(10)
    expect(of('poll_failed')).toEqual([])
  })

  it('keeps no other hook from being asked, and its values from being applied', async () => {
    const hook = reading(() => 0)
    const { cache } = await ready([own({ beforeProof: never }, 'hanging'), own(hook.hooks)])
    for (let n = 0; n < 3; n++) {
      await at.runtime.advance(1000)
      await at.run(cache.sync())
    }
    expect([hook.asked.length, hook.applied]).toEqual([4, [0, 1, 2, 3]])
  })

  it('ends when the cache is closed', async () => {
    let given: AbortSignal | undefined
    const hooks: FeatureHooks = { beforeProof: (signal) => ((given = signal), never()) }
    const { cache, of } = await ready([own(hooks)])
    expect(given!.aborted).toBe(false)
    await cache.close()
    await at.runtime.settle()
    expect(given!.reason).toMatchObject({ code: 'ERR_CLOSED' })
    expect([of('background_error'), at.runtime.sleeping]).toEqual([[], 0])
  })

  it('is asked again where its request is gone', async () => {
    at = world({ isolatesRequests: true })
    const gone = deferred<never>()
    let asked = 0
    const hooks: FeatureHooks = {
      beforeProof: async () => (asked++ === 0 ? gone.promise : async () => undefined),
    }
    const { cache } = at.isolate({ use: [own(hooks)] })
    cache.namespace('users')
    for (let n = 0; n < 8; n++) {
      await at.run(cache.for(request()).sync())
      await at.runtime.advance(1000)
    }
    expect(asked).toBeGreaterThan(2)
  })
})

describe('a hook that is slow', () => {
  it('holds up one proof for half of `pollTimeout`, and none after it', async () => {
    const hook = reading(() => 300)
    const { took, said } = await reads(await ready([own(hook.hooks)]), 6)
    expect([took, said]).toEqual([[0, 0, 0, 0, 0, 0], [undefined]])
    expect(hook.applied.length).toBeGreaterThan(2)
  })

  it('has what it reads applied after the first proof that began when it had read', async () => {
    const order: string[] = []
    const hooks: FeatureHooks = {
      async beforeProof() {
        order.push('asked')
        await at.runtime.sleep(300)
        order.push('read')
        return async () => void order.push('applied')
      },
    }
    const { cache, kafka } = at.isolate({ use: [own(hooks)] })
    const offsets = kafka.offsets.bind(kafka)
    let slow = 0
    kafka.offsets = async (...args) => {
      await at.runtime.sleep(slow)
      order.push('proof')
      return offsets(...args)
    }
    cache.namespace('users')
    slow = 100
    await at.run(cache.sync())
    await at.runtime.advance(1000)
    await at.run(cache.sync())
    // It had read while the first proof was under way: that one had sampled the log before.
    expect(order).toEqual(['asked', 'read', 'proof', 'proof', 'applied'])
  })

  it('is waited for again once it is quick', async () => {
    let ms = 300
    const hook = reading(() => ms)
    const { cache } = await ready([own(hook.hooks)])
    await at.runtime.advance(1000)
    ms = 100
    for (let n = 0; n < 4; n++) {
      await at.run(cache.sync())
      await at.runtime.advance(1000)
    }
    const before = hook.asked.length
    await at.run(cache.sync())
    // Asked, and applied, by the same proof.
    expect([hook.asked.length, hook.applied.at(-1)]).toEqual([before + 1, before])
  })
})

describe('a hook that is applied', () => {
  it('after a failed poll is not: what it has read was judged by nothing', async () => {
    const hook = reading(() => 0)
    const { cache, kafka } = await ready([own(hook.hooks)])
    await at.runtime.advance(1000)
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }))
    await at.run(cache.sync())
    expect([hook.asked.length, hook.applied]).toEqual([2, [0]])
  })

  it('is waited for by `sync`, as long as it is quick', async () => {
    let isApplied = false
    const hooks: FeatureHooks = {
      beforeProof: async () => async () => {
        await at.runtime.sleep(200)
        isApplied = true
      },
    }
    await ready([own(hooks)])
    expect(isApplied).toBe(true)
  })
})

describe('an updates topic', () => {
  const put = (value: string) => {
    const times = { ttl: 60_000, at: at.runtime.now(), asOf: 0 }
    const message = { v: 1, op: 'put', ns: 'users', key: '1', value, ...times }
    at.log.append('cache-updates', { key: utf8('users/1'), value: utf8(JSON.stringify(message)) })
  }

  it('that does not answer takes no proof away from reads', async () => {
    const isolate = at.isolate({ use: [replicate({ share: false })] })
    const offsets = isolate.kafka.offsets.bind(isolate.kafka)
    isolate.kafka.offsets = (topic, options) =>
      topic === 'cache-updates' ? never() : offsets(topic, options)
    const users = isolate.cache.namespace<string>('users')
    await at.run(isolate.cache.sync())
    const { took, said } = await reads({ ...isolate, users }, 6)
    expect([took, said]).toEqual([[0, 0, 0, 0, 0, 0], [undefined]])
  })

  it('that answers late gives its values all the same, and a reader of a token sees them', async () => {
    const { cache, users, kafka } = await ready([replicate({ share: false })])
    const [read, offsets] = [kafka.read.bind(kafka), kafka.offsets.bind(kafka)]
    kafka.read = async (topic, ...rest) => {
      if (topic === 'cache-updates') await at.runtime.sleep(20)
      return read(topic, ...rest)
    }
    kafka.offsets = async (topic, ...rest) => {
      if (topic === 'cache-updates') await at.runtime.sleep(280)
      return offsets(topic, ...rest)
    }
    put('theirs')
    for (let n = 0; n < 2; n++) {
      await at.run(cache.sync())
      await at.runtime.advance(1000)
    }
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('theirs')
    const writer = await ready([replicate({ follow: false })])
    const token = await at.run(writer.users.set('1', 'later'))
    let polls = cache.stats().polls
    const found = await at.run(users.get('1', { after: token }))
    polls = cache.stats().polls - polls
    expect(found).toBe('later')
    // It does not ask the log without a pause meanwhile.
    expect(polls).toBeLessThan(10)
  })
})
