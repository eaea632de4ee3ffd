import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Budget } from '../../../src/store/budget.ts'
import { storedEntry } from '../../../src/store/entry.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function memoryInUse(): Promise<number> {
  for (let nth = 0; nth < 3; nth++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const storeOf = <T>(maxEntries: number) => {
  const limits = { maxEntries, maxBytes: 1_000_000_000 }
  return new S3FifoStore<T>(limits, new Budget(limits), () => undefined)
}
const plain = { asOf: 2 ** 40, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
const KEYS = Array.from({ length: 50_000 }, (_, each) => `key-${each}`)

async function bytesEach(fill: () => { size: number }): Promise<number> {
  fill()
  const before = await memoryInUse()
  const filled = fill()
  const after = await memoryInUse()
  expect(filled.size).toBe(KEYS.length)
  return (after - before) / KEYS.length
}

it.each([
  [60, 'at its limit', KEYS.length, {}],
  [60, 'below its limit', 10_000_000, {}],
  // A column more.
  [68, 'with tags that are there already', KEYS.length, { tags: ['team'] }],
])(
  'takes at most %i bytes an entry above a Map %s, whatever its numbers are',
  async (limit, _, most, more) => {
    const map = await bytesEach(() => new Map(KEYS.map((key) => [key, 'value'])))
    const store = await bytesEach(() => {
      const filled = storeOf<string>(most)
      for (const [each, key] of KEYS.entries()) {
        const content = { ...plain, ...more, value: 'value', loadedAt: 2 ** 40 + each }
        filled.set(key, storedEntry(content, 100))
      }
      return { size: filled.entries, filled }
    })

    expect(store - map).toBeLessThanOrEqual(limit)
    expect(store - map).toBeGreaterThan(20)
  },
)

it('leaves nothing of a value on the heap that was deleted, replaced or evicted', async () => {
  const store = storeOf<object>(3)
  const parts: WeakRef<object>[] = []
  const set = (key: string): void => {
    const content = { value: {}, tags: [key], windows: { swrMs: 1, staleIfErrorMs: 1 } }
    for (const part of Object.values(content)) parts.push(new WeakRef(part))
    store.set(key, storedEntry({ ...plain, ...content, loadedAt: 0 }, 100))
  }
  for (const key of ['deleted', 'replaced', 'evicted']) set(key)
  store.delete('deleted')
  const bare = storedEntry<object>({ ...plain, value: new Date(), loadedAt: 0 }, 100)
  store.set('replaced', bare)
  store.evict('entries')
  store.evict('entries')
  await memoryInUse()

  expect(parts.filter((part) => part.deref() !== undefined)).toEqual([])
  expect(parts).toHaveLength(9)
})

it('gives memory back when most of what was held has gone', async () => {
  const store = storeOf<number>(KEYS.length)
  const before = await memoryInUse()
  for (const [each, key] of KEYS.entries())
    store.set(key, storedEntry({ ...plain, value: each, loadedAt: 0 }, 100))
  const full = await memoryInUse()
  store.sweep((key) => !key.endsWith('000'))
  const swept = await memoryInUse()

  expect(store.entries).toBe(49)
  expect(KEYS.filter((key, each) => store.peek(key)?.value === each)).toHaveLength(49)
  expect(swept - before).toBeLessThan((full - before) / 10)
})
