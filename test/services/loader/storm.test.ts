/** Ten isolates and a hundred misses of one key in each of them, with the service and without. */
import { describe, expect, it } from 'vitest'
import { readyIn, request, world } from '../../src/world.ts'
import { running } from './services.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'

const ISOLATES = 10
const CALLERS = 100

/** Loads of the source in all. */
async function storm(via: 'self' | 'loader', isolatesRequests: boolean, services: number, cold = false) {
  const at = world({ isolatesRequests })
  let loads = 0
  const read = async (value: string): Promise<string> => {
    loads++
    await at.runtime.sleep(80)
    return value
  }
  const latency = () => 5 + Math.floor(at.runtime.random() * 20)
  const load = async (keys: readonly string[]) =>
    new Map(await Promise.all(keys.map(async (key) => [key, await read(`service's ${key}`)] as const)))
  const all = []
  for (let each = 0; each < services; each++) all.push(await running(at, { users: load }, {}, { latency }))
  const isolates = []
  for (let each = 0; each < ISOLATES; each++) {
    if (cold) {
      const isolate = at.isolate({}, { latency })
      isolates.push({ ...isolate, users: isolate.cache.namespace<string>('users') })
    } else isolates.push(await readyIn(at, {}, { latency }))
  }
  const self = () => read('own')
  const own = via === 'loader' ? viaLoader(self, { wait: '1s' }) : self
  const found = isolates.flatMap(({ users }) =>
    Array.from({ length: CALLERS }, () => users.for(request()).getOrSet('1', own)),
  )
  const values = new Set(await at.run(Promise.all(found)))
  for (const { stop } of all) await stop()
  const held = isolates.filter(({ cache }) => cache.stats().entries === 1).length
  return { loads, values, held }
}

describe.each([
  ['where promises may be shared', false],
  ['where requests are isolated', true],
])('a thousand concurrent misses of one key on ten isolates, %s', (_, isolatesRequests) => {
  it('are ten loads where each isolate loads by itself', async () => {
    expect(await storm('self', isolatesRequests, 0)).toMatchObject({ loads: ISOLATES, held: ISOLATES })
  })

  it('are one load with a loader service, and each isolate holds the value', async () => {
    const { loads, values, held } = await storm('loader', isolatesRequests, 1)
    expect([loads, [...values], held]).toEqual([1, ["service's 1"], ISOLATES])
  })

  it('are one load also when the isolates have just started', async () => {
    const { loads, values } = await storm('loader', isolatesRequests, 1, true)
    expect([loads, [...values]]).toEqual([1, ["service's 1"]])
  })

  it('are one load for each of two services that read the same partitions', async () => {
    const { loads } = await storm('loader', isolatesRequests, 2)
    expect(loads).toBe(2)
  })

  it('are ten loads, later, when no service is there', async () => {
    expect(await storm('loader', isolatesRequests, 0)).toMatchObject({ loads: ISOLATES, held: ISOLATES })
  })
})

describe('a loader service that dies', () => {
  it('in the middle of a load leaves the loads to the isolates, by their deadline', async () => {
    const at = world()
    const loader = await running(at, { users: () => new Promise<never>(() => undefined) }, { drain: 0 })
    const isolates = [await readyIn(at), await readyIn(at), await readyIn(at)]
    let loads = 0
    const before = at.runtime.monotonic()
    const found = isolates.map(({ users }) =>
      users.getOrSet(
        '1',
        viaLoader(() => `own ${++loads}`, { wait: '1s' }),
      ),
    )
    await at.runtime.advance(100)
    loader.kafka.pause()
    expect((await at.run(Promise.all(found))).toSorted()).toEqual(['own 1', 'own 2', 'own 3'])
    expect(at.runtime.monotonic() - before).toBeLessThan(1200)
    loader.kafka.resume()
    await loader.stop()
  })

  it('is replaced by the next one, which loads what is asked from then on', async () => {
    const at = world()
    const first = await running(at, { users: () => new Promise<never>(() => undefined) }, { drain: 0 })
    const { users } = await readyIn(at)
    const lost = users.getOrSet(
      '1',
      viaLoader(() => 'own', { wait: '1s' }),
    )
    await at.runtime.advance(100)
    await first.stop()
    const second = await running(at, { users: () => ({ '1': 'late', '2': 'theirs' }) }, { lookback: 10 })
    // The next service answers requests that still wait, where it looks back.
    expect(await at.run(lost)).toBe('late')
    expect(
      await at.run(
        users.getOrSet(
          '2',
          viaLoader(() => 'own'),
        ),
      ),
    ).toBe('theirs')
    await second.stop()
  })
})

describe('an eviction while the service loads', () => {
  it('keeps every isolate from using what it loads', async () => {
    const at = world()
    let row = 'old'
    const load = async () => {
      const value = row
      await at.runtime.sleep(700)
      return { '1': value }
    }
    const loader = await running(at, { users: load })
    const [writer, reader, late] = [await readyIn(at), await readyIn(at), await readyIn(at)]
    const own = viaLoader(() => 'own', { wait: '10s' })
    const asked = reader.users.getOrSet('1', own)
    await at.runtime.advance(100)
    row = 'new'
    const token = await at.run(writer.users.delete('1'))
    const seen = late.users.getOrSet('1', own, { after: token })
    expect(await at.run(seen)).toBe('new')
    await at.run(asked)
    await at.runtime.advance(5000)
    await at.run(Promise.all([reader.cache.sync(), late.cache.sync()]))
    expect([reader.users.peek('1'), late.users.peek('1')]).not.toContain('old')
    await loader.stop()
  })
})
