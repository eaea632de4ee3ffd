/** How an isolate finds its object: by topic, region and shard, and by a new stub for each question. */
import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import { fakeRuntime } from '../../../src/testing/index.ts'
import { durableTail, type DurableTailOptions, type TailNamespace } from '../../../worker/tail.ts'

const { signal } = new AbortController()

/** A namespace that notes what it is asked for. */
function objects() {
  const stubs: { name: string; hint: string | undefined; asked: string[]; signals: AbortSignal[] }[] = []
  const namespace: TailNamespace = {
    getByName(name, options) {
      const stub = { name, hint: options?.locationHint, asked: [] as string[], signals: [] as AbortSignal[] }
      stubs.push(stub)
      return {
        fetch: async (url, init) => {
          stub.asked.push(url)
          stub.signals.push(init.signal)
          return new Response('told')
        },
      }
    },
  }
  const ask = (options?: DurableTailOptions) => durableTail(namespace, options)
  const names = () => stubs.map(({ name }) => name)
  return { namespace, stubs, ask, names }
}

describe('the tail in a Durable Object', () => {
  it('is asked by path and signal, and answers', async () => {
    const { ask, stubs } = objects()
    const answer = await ask()('/tail/cache-evictions/0?max_age=0', { signal })
    expect(await answer.text()).toBe('told')
    expect(new URL(stubs[0]!.asked[0]!).pathname).toBe('/tail/cache-evictions/0')
    expect(new URL(stubs[0]!.asked[0]!).search).toBe('?max_age=0')
    expect(stubs[0]!.signals).toEqual([signal])
  })

  it('gets a stub of its own for each question', async () => {
    const { ask, stubs } = objects()
    const tail = ask()
    for (let time = 0; time < 3; time++) await tail('/tail/t/0', { signal })
    expect(stubs.map(({ asked }) => asked.length)).toEqual([1, 1, 1])
  })

  it('is of the topic and the region, and is to be made there', async () => {
    const { ask, stubs } = objects()
    await ask({ topic: 'shop.evictions', region: 'weur' })('/', { signal })
    expect(stubs).toMatchObject([{ name: 'shop.evictions:weur:0', hint: 'weur' }])
  })

  it('is one for all where the region is not known, made where it is first asked for', async () => {
    const { ask, stubs } = objects()
    await ask()('/', { signal })
    expect(stubs).toMatchObject([{ name: 'cache-evictions:any:0', hint: undefined }])
  })

  it('is that of the region once the isolate knows it', async () => {
    const { ask, names } = objects()
    let region: 'oc' | undefined
    const tail = ask({ region: () => region })
    await tail('/', { signal })
    region = 'oc'
    await tail('/', { signal })
    expect(names()).toEqual(['cache-evictions:any:0', 'cache-evictions:oc:0'])
  })

  it('is the same one of several for all questions of an isolate', async () => {
    const { ask, names } = objects()
    const draws = [0.99, 0.1]
    const runtime = { ...fakeRuntime(), random: () => draws.shift()! }
    const tail = ask({ shards: 4, runtime })
    expect(draws).toHaveLength(2)
    await tail('/', { signal })
    await tail('/', { signal })
    expect(names()).toEqual(['cache-evictions:any:3', 'cache-evictions:any:3'])
  })

  it('of many isolates are as many as there are shards', async () => {
    const { ask, names } = objects()
    const runtime = fakeRuntime()
    await Promise.all(Array.from({ length: 200 }, () => ask({ shards: 3, runtime })('/', { signal })))
    expect([...new Set(names())].toSorted()).toEqual([0, 1, 2].map((shard) => `cache-evictions:any:${shard}`))
  })

  it('fails as its stub fails, also where there is none', async () => {
    const away = new KedgeError('ERR_NETWORK', 'overloaded', { retryable: true })
    const stub = { fetch: () => Promise.reject(away) }
    const asked = durableTail({ getByName: () => stub })('/', { signal })
    await expect(asked).rejects.toBe(away)
    const none = durableTail({
      getByName: () => {
        throw away
      },
    })
    await expect(none('/', { signal })).rejects.toBe(away)
  })

  it.each([
    [{ region: 'eu' }, /`region`: must be one of wnam, enam/],
    [{ shards: 0 }, /`shards`: must be a whole number from 1 to 1000/],
    [{ shards: 1001 }, /`shards`: must be a whole number from 1 to 1000/],
    [{ shards: 1.5 }, /`shards`/],
    [{ topic: 'a b' }, /`topic`: must be the name of a Kafka topic/],
    [{ topics: ['a'] }, /`topics` is not an option of durableTail/],
  ])('is refused with %j', (options, says) => {
    expect(() => objects().ask(options as DurableTailOptions)).toThrow(says)
  })

  it.each([undefined, null, {}, 'KEDGE_TAIL'])('is refused with %j for a namespace', (namespace) => {
    const call = () => durableTail(namespace as never)
    expect(call).toThrow(TypeError)
    expect(call).toThrow('`namespace`: must be a namespace of Durable Objects')
  })
})
