/** I9: what is held is within its limits at every step. @module */
import { chronicleOf } from './chronicle.ts'
import { Findings } from './findings.ts'
import type { Checker } from '../trace.ts'

export const memoryBounds: Checker = {
  invariant: 'I9',
  promise: 'an isolate never holds more entries or bytes than its limits',
  check(trace) {
    const found = new Findings('I9')
    const { lives, states, holds } = chronicleOf(trace)
    for (const { t, isolate, entries, bytes } of states) {
      const plan = lives.get(isolate)?.plan
      if (plan === undefined) continue
      found.looked++
      const what = `isolate ${isolate} holds ${entries} entries of ${bytes} bytes`
      if (entries > plan.maxEntries || bytes > plan.maxBytes)
        found.broke(t, `${what}; its limits are ${plan.maxEntries} and ${plan.maxBytes}`)
      // A count that has gone wrong bounds nothing.
      else if (!(entries >= 0 && bytes >= 0) || (entries === 0) !== (bytes === 0))
        found.broke(t, `${what}, which cannot be`)
    }
    const held = new Map<number, number>()
    for (const { t, isolate, row } of holds) {
      if (row === undefined) continue
      const count = (held.get(isolate) ?? 0) + 1
      held.set(isolate, count)
      const limit = lives.get(isolate)?.plan.maxEntries ?? Infinity
      // The reads come one after the other without a load in between, so all these values are held at once.
      if (count === limit + 1) found.broke(t, `isolate ${isolate} holds more than ${limit} rows`)
    }
    return found
  },
}
