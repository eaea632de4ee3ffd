/** Times in another unit than milliseconds. */
import { describe, expect, it } from 'vitest'
import type { SyncOptions } from '../../../services/sync/index.ts'
import { bytes, world } from './world.ts'

const NOW = 1_700_000_000_000

interface Times {
  readonly timestamp?: number
  readonly value?: unknown
}

async function told(options: Partial<SyncOptions>, ...records: Times[]) {
  const at = world()
  for (const { timestamp, value = { n: 1 } } of records)
    at.log.append('orders', {
      key: bytes('users/k'),
      value: bytes(JSON.stringify(value)),
      ...(timestamp !== undefined && { timestamp }),
    })
  const { sync, said } = at.make(options)
  await sync.step()
  return { said: said('suspect_time'), counted: sync.stats().suspectTimes }
}

const put = (at: number) => ({ v: 1, op: 'put', ns: 'users', key: 'k', value: 1, ttl: 60_000, at, asOf: 1 })

describe('A time in another unit', () => {
  it.each<[string, Partial<SyncOptions>, Times, string, string | undefined]>([
    ['seconds', {}, { timestamp: NOW / 1000 }, 'timestamp', 'seconds'],
    ['microseconds', {}, { timestamp: NOW * 1000 }, 'timestamp', 'microseconds'],
    ['nanoseconds', {}, { timestamp: NOW * 1e6 }, 'timestamp', 'nanoseconds'],
    ['milliseconds', {}, { timestamp: NOW }, 'timestamp', undefined],
    ['milliseconds of 1974', {}, { timestamp: 126_000_000_000 }, 'timestamp', undefined],
    ['no time at all', {}, { timestamp: 0 }, 'timestamp', undefined],
    ['seconds of an update', {}, { value: put(NOW / 1000) }, 'at', 'seconds'],
    ['milliseconds of an update', {}, { value: put(NOW) }, 'at', undefined],
    ['seconds of a life', { ttl: { field: 'ttl' } }, { value: { ttl: 60 } }, 'ttl', 'seconds'],
    ['a moment for a life', { ttl: { field: 'ttl' } }, { value: { ttl: NOW + 60_000 } }, 'ttl', 'a moment'],
    ['a minute', { ttl: { field: 'ttl' } }, { value: { ttl: 60_000 } }, 'ttl', undefined],
    ['a short text', { ttl: { field: 'ttl' } }, { value: { ttl: '60ms' } }, 'ttl', undefined],
    ['what is over', { ttl: { field: 'ttl' } }, { value: { ttl: 0 } }, 'ttl', undefined],
  ])('as %s is reported as a wrong unit where it is one', async (_, options, record, field, unit) => {
    const { said, counted } = await told(options, record)
    expect(said).toMatchObject(
      unit === undefined ? [] : [{ field, unit, topic: 'orders', partition: 0, offset: 0 }],
    )
    expect(counted).toBe(unit === undefined ? 0 : 1)
  })

  it('is said once of each field, and counted each time', async () => {
    const options = { ttl: { field: 'ttl' } }
    const record = { timestamp: NOW / 1000, value: { ttl: 60 } }
    const { said, counted } = await told(options, record, record, record)
    expect(said.map(({ field }) => field)).toEqual(['timestamp', 'ttl'])
    expect(counted).toBe(6)
  })
})
