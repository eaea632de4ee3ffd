/** Answers that something on the way has kept: of another moment than the question, they prove nothing. */
import { describe, expect, it } from 'vitest'
import { confluent } from '../../../adapters/kafka/confluent.ts'
import { karapace } from '../../../adapters/kafka/karapace.ts'
import { strimzi } from '../../../adapters/kafka/strimzi.ts'
import { json, on, rejection, scriptedFetch } from './scripted-fetch.ts'

const url = 'https://proxy.test'

describe.each([
  ['confluent()', confluent],
  ['karapace()', karapace],
  ['strimzi()', strimzi],
])('%s', (_, adapter) => {
  const bench = (headers: Record<string, string>) => {
    const bounds = { beginning_offset: 0, end_offset: 7 }
    const proxy = scriptedFetch(on(/\/offsets$/, () => json(bounds, 200, headers)))
    return adapter({ url, fetch: proxy.fetch }).offsets('t', { partitions: [0] })
  }

  it('refuses offsets that are older than its question', async () => {
    expect(await rejection(bench({ age: '1' }))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('uses offsets that were not kept, or for no time', async () => {
    expect(await bench({})).toEqual([{ partition: 0, beginning: 0, end: 7 }])
    expect(await bench({ age: '0' })).toEqual([{ partition: 0, beginning: 0, end: 7 }])
  })
})
