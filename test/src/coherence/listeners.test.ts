import { expect, it } from 'vitest'
import type { KedgeEvent } from '../../../src/index.ts'
import { cacheSettings, namespaceSettings } from '../../../src/api/settings.ts'
import { newCounters } from '../../../src/api/stats.ts'
import { CoherentStore } from '../../../src/coherence/coherent-store.ts'
import { MarkLimit } from '../../../src/coherence/mark-limit.ts'
import { Partition } from '../../../src/coherence/partition.ts'
import { Clock } from '../../../src/runtime/clock.ts'
import { Budget } from '../../../src/store/budget.ts'
import { fakeRuntime, memory } from '../../../src/testing/index.ts'

/** A namespace with a proof, and a listener that is called within its steps. */
function listened(listen: (event: KedgeEvent) => void) {
  const runtime = fakeRuntime()
  const settings = { ...cacheSettings({ kafka: memory(), runtime }), emitRead: listen }
  const clock = new Clock(runtime)
  const shared = {
    settings,
    clock,
    counters: newCounters(),
    budget: new Budget(settings),
    marks: new MarkLimit(4096),
  }
  const partition = new Partition(0)
  const space = new CoherentStore<string>(
    'users',
    namespaceSettings({}, settings.namespace),
    partition,
    shared,
  )
  partition.reanchor({ partition: 0, beginning: 0, end: 100, logId: 'log-1' })
  partition.freshAt = clock.now()
  const hold = (key: string, value: string): void => {
    const { position: asOf, generation } = partition
    const rest = {
      loadedAt: clock.now(),
      ttlMs: 60_000,
      keepMs: 0,
      tags: undefined,
      version: undefined,
      settleMs: 0,
    }
    expect(space.hold(key, { value, asOf, generation, ...rest })).toBeUndefined()
  }
  return { space, hold }
}

it('gives a hit the value that it found, though its listener has another one put in that place', () => {
  const { space, hold } = listened(({ type }) => {
    if (type !== 'hit') return
    space.drop('1', 'replaced')
    hold('2', 'of another')
  })
  hold('1', 'its own')

  expect(space.hit('1')).toBe('its own')
  expect(space.peek('1')).toBeUndefined()
})
