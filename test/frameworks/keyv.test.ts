import { Keyv } from 'keyv'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keyvStore } from '../../adapters/keyv.ts'
import { isKedgeError } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import { isolates } from './world.ts'

async function pair() {
  const [here, there] = await isolates<unknown>()
  const keyvOver = (space: typeof here.space) => {
    const keyv = new Keyv({ store: keyvStore(space) })
    keyv.on('error', () => undefined)
    return keyv
  }
  return { here, there, keyv: keyvOver(here.space), other: keyvOver(there.space) }
}

// Both clocks stand still until a test says otherwise; timers are the platform's own.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('Keyv over a namespace', () => {
  it('gets what was set, one or many', async () => {
    const { keyv } = await pair()
    expect(await keyv.set('a', { n: 1 })).toBe(true)
    await keyv.setMany([
      { key: 'b', value: 2 },
      { key: 'c', value: 3, ttl: 60_000 },
    ])
    expect(await keyv.get('a')).toEqual({ n: 1 })
    expect(await keyv.getMany(['a', 'b', 'c', 'd'])).toEqual([{ n: 1 }, 2, 3, undefined])
    expect([await keyv.has('a'), await keyv.has('d')]).toEqual([true, false])
  })

  it('evicts what others hold when it sets, deletes or clears', async () => {
    const { keyv, other, there } = await pair()
    for (const end of [
      () => keyv.set('a', 'new'),
      () => keyv.delete('a'),
      () => keyv.deleteMany(['a', 'z']),
      () => keyv.clear(),
    ]) {
      await other.set('a', 'old')
      await there.catchUp()
      expect(await other.get('a')).toBe('old')
      await end()
      await there.catchUp()
      expect(await other.get('a')).toBeUndefined()
    }
  })

  it('forgets a value when its TTL has passed', async () => {
    const { keyv } = await pair()
    await keyv.set('a', 1, 5)
    vi.advanceTimersByTime(20)
    expect(await keyv.get('a')).toBeUndefined()
  })

  it('says when Kafka has not acknowledged a write', async () => {
    const kafka = memory()
    const store = keyvStore(createCache({ kafka }).namespace('things'))
    kafka.fail(new Error('down'), { on: 'produce' })
    const failure: unknown = await store.set('a', 1).catch((error: unknown) => error)
    expect(isKedgeError(failure) && failure.code).toBe('ERR_PUBLISH')
  })

  it.each([
    [{ maxTtl: '0s' }, '`maxTtl`'],
    [{ max: 1 }, '`max`'],
  ])('refuses the options %o', async (options, quoted) => {
    const { here } = await pair()
    expect(() => keyvStore(here.space, options as never)).toThrow(quoted)
  })
})
