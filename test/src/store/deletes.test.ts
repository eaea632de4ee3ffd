import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Budget } from '../../../src/store/budget.ts'
import { storedEntry } from '../../../src/store/entry.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapInUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}

it('leaves nothing of deleted keys on the heap, but for a few places, however many there were', () => {
  const limits = { maxEntries: 1000, maxBytes: 1_000_000_000 }
  const store = new S3FifoStore<string>(limits, new Budget(limits), () => undefined)
  const rest = { asOf: 0, loadedAt: 0, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
  const pass = (round: number) => {
    for (let each = 0; each < 20_000; each++) {
      const key = `${round}-${each}-${'x'.repeat(500)}`
      store.set(key, storedEntry({ value: 'v', ...rest }, 100))
      store.delete(key)
    }
  }
  pass(0)
  const before = heapInUse()
  for (let round = 1; round <= 3; round++) pass(round)

  // All of the keys are 60,000 of more than 500 bytes.
  expect(heapInUse() - before).toBeLessThan(3_000_000)
  expect([store.entries, store.bytes]).toEqual([0, 0])
})
