import { describe, expect, it } from 'vitest'
import { lowestInside, searchBounds } from '../../../../adapters/kafka/rest/offset-search.ts'

/** A partition that may change with each question. */
function partition(beginning: number, end: number, change?: (now: Partition, asked: number) => void) {
  const now: Partition = { beginning, end, asked: [] }
  const probe = async (offset: number) => {
    const inside = offset >= now.beginning && offset <= now.end
    now.asked.push(offset)
    change?.(now, now.asked.length)
    return inside
  }
  return { now, probe }
}

interface Partition {
  beginning: number
  end: number
  readonly asked: number[]
}

describe('bounds by probing', () => {
  it.each([
    [0, 0],
    [0, 1],
    [1, 1],
    [0, 2],
    [0, 3],
    [1, 3],
    [0, 1_000_003],
    [1, 4_294_967_297],
    [0, Number.MAX_SAFE_INTEGER - 1],
  ])('are found from nothing: %i to %i', async (beginning, end) => {
    const { now, probe } = partition(beginning, end)
    expect(await searchBounds(probe, undefined)).toEqual({ beginning, end })
    expect(now.asked.length).toBeLessThan(115)
  })

  it('are not guessed where nothing inside of the log is known', async () => {
    expect(await searchBounds(partition(500, 700).probe, undefined)).toBeUndefined()
  })

  it.each([
    ['the same', { beginning: 500, end: 700 }],
    ['a shorter log', { beginning: 500, end: 640 }],
    ['a longer log at its beginning', { beginning: 400, end: 690 }],
    ['the end alone', { end: 700 }],
    ['an offset in the middle', { end: 555 }],
  ])('are found from what is remembered: %s', async (_, remembered) => {
    const bounds = await searchBounds(partition(500, 700).probe, remembered)
    expect(bounds).toEqual({ beginning: 500, end: 700 })
  })

  it('take three questions while nothing changes', async () => {
    const { now, probe } = partition(500, 700)
    await searchBounds(probe, { beginning: 500, end: 700 })
    // The end is not used before the question behind it is answered.
    expect(now.asked).toEqual([701, 700, 500])
  })

  it('forget the bounds of a topic that was recreated', async () => {
    const bounds = await searchBounds(partition(0, 3).probe, { beginning: 500, end: 700 })
    expect(bounds).toEqual({ beginning: 0, end: 3 })
  })

  it('do not take a beginning that overtakes the search for an end', async () => {
    // While 11 is asked for, retention takes everything up to 50, and records up to 60 are there.
    const { probe } = partition(0, 10, (now, asked) => {
      if (asked === 1) Object.assign(now, { beginning: 50, end: 60 })
    })
    expect(await searchBounds(probe, { beginning: 0, end: 10 })).toBeUndefined()
  })

  it('include whatever was there when the search began, however the log grows meanwhile', async () => {
    for (let from = 0; from < 40; from++) {
      const { probe } = partition(0, from, (now) => void (now.end += 1))
      const bounds = await searchBounds(probe, undefined)
      expect(bounds?.end).toBeGreaterThanOrEqual(from)
    }
  })

  it('are given up where the log moves faster than it is searched', async () => {
    // Each search finds offset 1 inside, and nothing any more when it asks again.
    let asked = 0
    const probe = async () => ++asked % 4 === 1
    await expect(searchBounds(probe, undefined)).rejects.toMatchObject({
      code: 'ERR_PROTOCOL',
      retryable: true,
    })
    expect(asked).toBe(12)
  })

  it('are refused of a proxy that accepts any offset', async () => {
    await expect(searchBounds(async () => true, undefined)).rejects.toMatchObject({ code: 'ERR_PROTOCOL' })
    await expect(searchBounds(async () => true, { end: 7 })).rejects.toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('have a lowest offset that is remembered no longer than the log lives', async () => {
    expect(await lowestInside(partition(3, 9).probe, undefined, 9)).toBe(3)
    expect(await lowestInside(partition(3, 9).probe, 2, 9)).toBe(3)
    expect(await lowestInside(partition(3, 9).probe, 3, 9)).toBe(3)
    expect(await lowestInside(partition(0, 9).probe, 500, 9)).toBe(0)
  })
})
