/** Calls that are aborted or get no answer. @module */
import type { CallOptions } from '../../ports/kafka-log.ts'
import type { Tier } from '../../ports/tier.ts'
import { rejection } from '../log-suite/bench.ts'
import type { TierTest } from './bench.ts'
import { batch, LOG, PLACE, write } from './bench.ts'

type Call = (tier: Tier, options: CallOptions) => Promise<unknown>

const CALLS: Readonly<Record<string, Call>> = {
  getMany: (tier, options) => tier.getMany(PLACE, ['a'], options),
  setMany: (tier, options) => tier.setMany(PLACE, [write('a', 'one', 5)], options),
  deleteMany: (tier, options) => tier.deleteMany(PLACE, ['a'], 9, options),
}

const APPLIER_CALLS: Readonly<Record<string, Call>> = {
  position: async (tier, options) => tier.applier?.position(0, options),
  begin: async (tier, options) => tier.applier?.begin(0, { position: 1, logId: LOG }, options),
  apply: async (tier, options) => tier.applier?.apply(batch(1, 2, []), options),
}

const callsOf = (tier: Tier): Call[] => Object.values(tier.applier ? { ...CALLS, ...APPLIER_CALLS } : CALLS)

export function failing(test: TierTest): void {
  test('a call whose signal has ended rejects with the reason and does nothing', async ({
    tier,
    read,
    expect,
  }) => {
    const reason = { any: 'value' }
    for (const call of callsOf(tier)) {
      expect(await rejection(call(tier, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    }
    expect(await read(['a'])).toEqual({ items: {} })
  })

  test('a call that is aborted while the store is silent rejects with the reason itself', async ({
    tier,
    pause,
    resume,
    expect,
  }) => {
    if (pause === undefined || resume === undefined) return
    const reason = new Error('enough')
    for (const call of callsOf(tier)) {
      await pause()
      const controller = new AbortController()
      const waiting = rejection(call(tier, { signal: controller.signal }))
      controller.abort(reason)
      expect(await waiting).toBe(reason)
      await resume()
    }
  })

  test('a call that gets no answer ends by its own deadline', async ({
    tier,
    pause,
    resume,
    passes,
    deadlineMs,
    expect,
  }) => {
    if (pause === undefined || resume === undefined) return
    await pause()
    const waiting = Object.values(CALLS).map(async (call) => rejection(call(tier, {})))
    const codes = Promise.all(waiting).then((errors) =>
      errors.map((error) => (error as { code?: unknown; retryable?: unknown }).retryable),
    )
    await Promise.race([codes, passes(deadlineMs)])
    expect(await codes).toEqual([true, true, true])
    await resume()
  })
}
