import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { harness, JSON_FORMAT } from './harness.ts'
import { expectExact, records, routes } from './json-documents.ts'

describe('JSON that passes through the gateway', () => {
  it.each(routes)('keeps each digit and each string by %s, in the log and in what is read', async (route) => {
    const h = harness({ topics: { t: 1 } })
    await fc.assert(
      fc.asyncProperty(records, async (sent) => {
        const from = h.log.offsets('t', 0).end
        await expectExact(async (path, init) => h.app.request(path, init), 't', route, sent, from)
      }),
      { numRuns: 100 },
    )
    expect(h.errors).toEqual([])
  })

  it.each(['9007199254740993', '12345678901234567.89', '1e400', '-0', '1.0'])('keeps %s', async (number) => {
    const h = harness({ topics: { t: 1 } })
    const body = `{"records":[{"key":${number},"value":{"id":${number}}}]}`
    expect((await h.post('/topics/t', body, JSON_FORMAT)).status).toBe(200)
    const [record] = h.log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1000 })!.records
    expect(Buffer.from(record!.key!).toString()).toBe(number)
    expect(Buffer.from(record!.value!).toString()).toBe(`{"id":${number}}`)
  })

  it('has one key for one value, however its strings and the space between them are written', async () => {
    const h = harness({ topics: { t: 1 } })
    const keys = [
      '{"a":"é/","n":12345678901234567890}',
      '{ "\\u0061" : "\\u00e9\\/" , "n":12345678901234567890\n}',
    ]
    for (const key of keys) await h.post('/topics/t', `{"records":[{"key":${key},"value":1}]}`, JSON_FORMAT)
    const { records: stored } = h.log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1000 })!
    expect(stored.map(({ key }) => Buffer.from(key!).toString())).toEqual([keys[0], keys[0]])
  })

  it('takes the later of two members of one name, as kafka-rest does', async () => {
    const h = harness({ topics: { t: 1 } })
    const body = '{"records":[1],"records":[{"value":1,"v\\u0061lue":12345678901234567890}]}'
    expect((await h.post('/topics/t', body, JSON_FORMAT)).status).toBe(200)
    const [record] = h.log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1000 })!.records
    expect(Buffer.from(record!.value!).toString()).toBe('12345678901234567890')
  })

  it.each([
    ['/topics/t', '{"records":[{"value":1,"partition":9007199254740993}]}', JSON_FORMAT, 422],
    ['/fetch', '{"topic":"t","partition":0,"offset":9007199254740993}', 'application/json', 400],
    ['/fetch', '{"topic":"t","partition":0,"offset":1e400}', 'application/json', 400],
  ])('refuses a number that it would have to round: %s %s', async (path, body, type, status) => {
    const h = harness({ topics: { t: 1 } }, { upstash: true })
    expect((await h.post(path, body, type)).status).toBe(status)
  })
})
