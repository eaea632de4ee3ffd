import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyQueue } from '../../../src/store/key-queue.ts'

it('keys leave a queue in the order in which they came, however long it gets', () => {
  const step = fc.record({ comes: fc.boolean(), count: fc.integer({ min: 1, max: 300 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const queue = new KeyQueue()
      const plain: string[] = []
      let nth = 0
      for (const { comes, count } of steps) {
        for (let each = 0; each < count; each++) {
          if (comes) {
            queue.push(`k${nth}`)
            plain.push(`k${nth++}`)
          } else if (plain.length > 0) expect(queue.shift()).toBe(plain.shift())
          expect(queue.length).toBe(plain.length)
        }
      }
    }),
    { numRuns: 50 },
  )
})
