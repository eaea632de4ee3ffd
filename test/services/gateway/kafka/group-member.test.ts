/** A member whose group cannot be joined: how often it tries, and when it gives up. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KafkaFailure } from '../../../../services/gateway/kafka/failure.ts'
import { KafkaMember } from '../../../../services/gateway/kafka/group-member.ts'
import type { GroupAccess } from '../../../../services/gateway/kafka/group-member.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MINUTE = 60_000
/** `REBALANCE_IN_PROGRESS`, by which a coordinator sends a member back to the beginning. */
const AGAIN = 27

/** A member of a group whose coordinator is `away`, or answers each join with a code. */
function joining(coordinator: 'away' | number) {
  const at = { wanted: true, attempts: [] as number[], left: 0 }
  const tried = () => void at.attempts.push(performance.now())
  const access = {
    settings: { requestTimeoutMs: 1000 },
    coordinators: {
      of: async () => {
        tried()
        if (coordinator === 'away') throw new KafkaFailure('No broker leads the group.')
        return { host: 'a', port: 1 }
      },
      forget: () => {},
      call: async () => ({ errorCode: 0 }),
    },
    links: { own: () => ({ request: async () => ({ errorCode: coordinator }) }), end: () => {} },
  } as unknown as GroupAccess
  const options = { topics: ['t'], consumed: () => [], owes: () => false, wanted: () => at.wanted }
  const member = new KafkaMember('g', options, access, () => void at.left++)
  const pauses = () => at.attempts.slice(1).map((ms, nth) => Math.round(ms - at.attempts[nth]!))
  return { at, member, pauses }
}

describe.each([
  ['is away', 'away'],
  ['refuses it', 30],
  ['sends it back to the beginning', AGAIN],
] as const)('a member whose coordinator %s', (_, coordinator) => {
  it('tries less often from time to time, and goes on trying', async () => {
    const { member, pauses } = joining(coordinator)
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    const all = pauses()
    expect(all.length).toBeLessThan(300)
    expect(all.length).toBeGreaterThan(60)
    expect(Math.max(...all.slice(0, 3))).toBeLessThan(1100)
    expect(Math.min(...all.slice(-20))).toBeGreaterThanOrEqual(2000)
    expect(Math.max(...all)).toBeLessThanOrEqual(5000)
    await member.leave()
  })

  it('leaves when no client uses it any more, though no request comes', async () => {
    const { at } = joining(coordinator)
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(at.left).toBe(0)
    at.wanted = false
    await vi.advanceTimersByTimeAsync(10_000)
    expect(at.left).toBe(1)
    const { length } = at.attempts
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect(at.attempts).toHaveLength(length)
  })
})
