import { expect, it } from 'vitest'
import { storedEntry } from '../../../src/store/entry.ts'
import { Budget } from '../../../src/store/budget.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

const entry = (bytes: number) => {
  const rest = { asOf: 0, loadedAt: 0, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
  return storedEntry({ value: 'x', ...rest }, bytes)
}

it('a value that was just set has room made for it by others, also where all of those were used', () => {
  const limits = { maxEntries: 100, maxBytes: 100 }
  const dropped: string[] = []
  const store = new S3FifoStore<string>(limits, new Budget(limits), (key) => dropped.push(key))
  for (const key of ['a', 'b', 'c', 'd']) store.set(key, entry(25))
  for (const key of ['a', 'b', 'c', 'd']) store.get(key)
  store.set('new', entry(25))
  expect(store.peek('new')).toBeDefined()
  expect(dropped).not.toContain('new')
  expect(store.bytes).toBeLessThanOrEqual(100)
})
