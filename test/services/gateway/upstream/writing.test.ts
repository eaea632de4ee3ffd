import { describe, expect, it } from 'vitest'
import { confluent } from '../../../../adapters/kafka/confluent.ts'
import { Refusal, upstreamCluster } from '../../../../services/gateway/index.ts'
import type { RecordToAppend } from '../../../../services/gateway/index.ts'
import { KedgeError } from '../../../../src/ports/errors.ts'
import { BARE, world } from './world.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const record = (value: string, more: Partial<RecordToAppend> = {}): RecordToAppend => ({
  key: null,
  value: bytes(value),
  ...more,
})

const UNAVAILABLE = expect.objectContaining({ reason: 'unavailable', retryAfter: 1 })

describe('Writing through a relay', () => {
  it('acknowledges each record with the place that the upstream gave it', async () => {
    const { cluster, log, read } = world()
    expect(await cluster.append('t', [record('a'), record('b', { partition: 0 })])).toEqual([
      { partition: 0, offset: 0 },
      { partition: 0, offset: 1 },
    ])
    expect((await read(0)).values).toEqual(['a', 'b'])
    expect(log.calls.produce).toBe(1)
  })

  it('refuses the records that the upstream cannot carry whole, and writes the others', async () => {
    const { cluster, read } = world()
    const results = await cluster.append('t', [
      record('a'),
      record('h', { headers: [{ name: 'trace', value: bytes('1') }] }),
      record('b', { headers: [] }),
      record('t', { timestamp: 1 }),
    ])
    expect(results).toEqual([
      { partition: 0, offset: 0 },
      {
        refusal: expect.objectContaining({
          reason: 'unsupported',
          message: expect.stringContaining('headers'),
        }),
      },
      { partition: 0, offset: 1 },
      {
        refusal: expect.objectContaining({
          reason: 'unsupported',
          message: expect.stringContaining('timestamp'),
        }),
      },
    ])
    expect((await read(0)).values).toEqual(['a', 'b'])
  })

  it('tells by record what a proxy has refused, and what it has written', async () => {
    const offsets = [
      { partition: 0, offset: 7 },
      { partition: null, offset: null, error_code: 40301, error: 'no' },
      { partition: 0, offset: null },
      { partition: 0, offset: 8, error_code: null },
    ]
    const cluster = upstreamCluster(
      confluent({ url: 'http://proxy.test', fetch: async () => Response.json({ offsets }) }),
    )
    expect(
      await cluster.append(
        't',
        ['a', 'b', 'c', 'd'].map((value) => record(value)),
      ),
    ).toEqual([
      { partition: 0, offset: 7 },
      { refusal: expect.objectContaining({ reason: 'forbidden' }) },
      { refusal: UNAVAILABLE },
      { partition: 0, offset: 8 },
    ])
  })

  it.each([
    ['ERR_PUBLISH', 'unavailable'],
    ['ERR_TOO_LARGE', 'too-large'],
    ['ERR_AUTH', 'forbidden'],
    ['ERR_RATE_LIMITED', 'busy'],
    ['ERR_UNKNOWN_TOPIC', 'unknown-topic'],
  ] as const)('refuses every record where the write as a whole fails with %s', async (code, reason) => {
    const { cluster, log } = world()
    log.fail(new KedgeError(code, 'the proxy at 10.0.0.7 says no'), { on: 'produce' })
    const results = await cluster.append('t', [record('a'), record('b')])
    expect(results.map(({ refusal }) => refusal?.reason)).toEqual([reason, reason])
    expect(results[0]?.refusal?.message).not.toContain('10.0.0.7')
  })

  it('counts what the upstream does not acknowledge as not written', async () => {
    const { cluster } = world({
      wrapped: (log) => ({ ...log, produce: async () => [{ partition: 0, offset: 3 }] }),
    })
    expect(await cluster.append('t', [record('a'), record('b')])).toEqual([
      { partition: 0, offset: 3 },
      { refusal: UNAVAILABLE },
    ])
  })

  it('says whether the topic or the partition is missing', async () => {
    const { cluster } = world()
    const reasons = async (topic: string, partition: number) =>
      (await cluster.append(topic, [record('a', { partition })])).map(({ refusal }) => refusal?.reason)
    expect(await reasons('t', 4)).toEqual(['unknown-partition'])
    expect(await reasons('nowhere', 0)).toEqual(['unknown-topic'])
    expect(await reasons('nowhere', 4)).toEqual(['unknown-topic'])
  })
})

describe('What an upstream cannot do', () => {
  it('is refused in words, whatever it is', async () => {
    const { cluster } = world({ capabilities: BARE })
    const position = { topic: 't', partition: 0, offset: 0 }
    const committed = { maxBytes: 1, waitMs: 0, isolation: 'committed' } as const
    const all = [
      cluster.topics(),
      cluster.create('new', 1),
      cluster.remove('t'),
      cluster.offsetAt('t', 0, 1),
      cluster.read([position], committed),
    ]
    for (const one of await Promise.allSettled(all)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { reason: 'unsupported' } })
      expect((one as PromiseRejectedResult).reason.message).toContain('upstream')
    }
    expect(cluster.groups).toBeUndefined()
  })

  it('is not refused where it can: committed records alone', async () => {
    const { cluster, produce, log } = world()
    produce('a')
    const transaction = log.log.begin()
    transaction.append('t', { key: null, value: bytes('open') })
    const read = (isolation: 'committed' | 'uncommitted') =>
      cluster.read([{ topic: 't', partition: 0, offset: 0 }], { maxBytes: 1000, waitMs: 0, isolation })
    expect((await read('uncommitted')).records).toHaveLength(2)
    expect((await read('committed')).records).toHaveLength(1)
  })

  it('is a topic or a partition that is not there', async () => {
    const { cluster } = world()
    await expect(cluster.offsets('nowhere', 0)).rejects.toMatchObject({ reason: 'unknown-topic' })
    await expect(cluster.offsets('t', 1)).rejects.toMatchObject({ reason: 'unknown-partition' })
    expect(await cluster.describe('nowhere')).toBeUndefined()
    expect(await cluster.describe('u')).toMatchObject({ name: 'u', partitions: 200 })
  })

  it('is more partitions at once than a relay follows', async () => {
    const { cluster, runtime } = world()
    for (let partition = 0; partition < 128; partition++) await cluster.offsets('u', partition)
    // Names that lead nowhere take no place.
    await expect(cluster.offsets('t', 0)).rejects.toMatchObject({ reason: 'busy', retryAfter: 1 })
    await runtime.advance(2000)
    expect(await cluster.offsets('t', 0)).toMatchObject({ end: 0 })
  })

  it('takes no place for a name that leads nowhere', async () => {
    const { cluster } = world()
    for (let name = 0; name < 200; name++)
      await expect(cluster.offsets(`n${name}`, 0)).rejects.toBeInstanceOf(Refusal)
    expect(await cluster.offsets('t', 0)).toMatchObject({ end: 0 })
  })

  it('refuses an option that is none', () => {
    expect(() => upstreamCluster(world().log, { pace: 3 } as object)).toThrow(
      new TypeError('`pace` is not an option of an upstream'),
    )
  })
})
