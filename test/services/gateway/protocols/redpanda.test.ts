import { describe, expect, it } from 'vitest'
import { answer, base64, BINARY, bytes, harness, JSON_FORMAT, until } from '../harness.ts'

const records = (query: string, topic = 't', partition: number | string = 0) =>
  `/topics/${topic}/partitions/${partition}/records?${query}`

describe('stateless reads', () => {
  it('return records from an offset on, and say where the log begins, ends and goes on', async () => {
    const { log, get } = harness()
    log.append('t', { key: bytes('k'), value: bytes('v0') })
    log.append('t', { key: null, value: null })
    log.append('t', { key: bytes(''), value: bytes('v2') })
    const response = await get(records('offset=1&timeout=0&max_bytes=1000'), { accept: BINARY })
    expect(await response.json()).toEqual([
      { topic: 't', key: null, value: null, partition: 0, offset: 1 },
      { topic: 't', key: '', value: base64('v2'), partition: 0, offset: 2 },
    ])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': BINARY,
      'kedge-log-id': log.describe('t')!.id,
      'kedge-beginning-offset': '0',
      'kedge-end-offset': '3',
      'kedge-next-offset': '3',
    })
  })

  it('show JSON as itself up to a record that is not JSON, which is refused by its name when asked for', async () => {
    const { log, get } = harness()
    log.append('t', { key: bytes('"k"'), value: bytes('{"a":1}') })
    const from = (offset: number) =>
      get(records(`offset=${offset}&timeout=0&max_bytes=1000`), { accept: JSON_FORMAT })
    const asked = () => from(0)
    log.append('t', { key: null, value: bytes('[') })
    log.append('t', { key: null, value: bytes('2') })
    const first = await asked()
    expect(first.headers.get('kedge-next-offset')).toBe('1')
    expect(await first.json()).toMatchObject([{ key: 'k', value: { a: 1 }, offset: 0 }])
    const message = expect.stringContaining('The value of topic t, partition 0, offset 1 is not JSON.')
    expect(await answer(await from(1))).toEqual([408, { error_code: 40801, message }])
    expect(await (await from(2)).json()).toMatchObject([{ value: 2, offset: 2 }])
    log.recreateTopic('t')
    log.append('t', { key: null, value: bytes('['.repeat(100_000) + ']'.repeat(100_000)) })
    expect((await asked()).status).toBe(408)
  })

  it('leave out open and aborted transactions where that is asked for', async () => {
    const { log, get } = harness()
    log.append('t', { key: null, value: bytes('a') })
    const transaction = log.begin()
    transaction.append('t', { key: null, value: bytes('b') })
    const read = async (level: string) => {
      const response = await get(records(`offset=0&timeout=0&max_bytes=1000${level}`), { accept: BINARY })
      return [((await response.json()) as unknown[]).length, response.headers.get('kedge-next-offset')]
    }
    expect(await read('')).toEqual([2, '2'])
    expect(await read('&isolation_level=read_uncommitted')).toEqual([2, '2'])
    expect(await read('&isolation_level=read_committed')).toEqual([1, '1'])
    transaction.abort()
    expect(await read('&isolation_level=read_committed')).toEqual([1, '3'])
    const refused = await get(records('offset=0&timeout=0&max_bytes=1000&isolation_level=serializable'), {
      accept: BINARY,
    })
    expect(refused.status).toBe(400)
  })

  it('answer as soon as a record is produced', async () => {
    const { log, get, clock } = harness()
    const reading = get(records('offset=0&timeout=5000&max_bytes=1000'), { accept: BINARY })
    await until(() => log.waiting === 1)
    log.append('t', { key: null, value: bytes('x') })
    expect(await (await reading).json()).toMatchObject([{ offset: 0 }])
    expect(clock.sleeping).toBe(0)
  })

  it('answer an empty list when the wait ends, never later than the limit', async () => {
    const { log, get, clock } = harness({}, { limits: { maxWaitMs: 100 } })
    const reading = get(records('offset=0&timeout=999999&max_bytes=1000'), { accept: BINARY })
    await until(() => log.waiting === 1)
    clock.advance(100)
    expect(await (await reading).json()).toEqual([])
    expect(log.waiting).toBe(0)
  })

  it('stop waiting when the client goes away', async () => {
    const { app, log } = harness()
    const client = new AbortController()
    const reading = app.request(records('offset=0&timeout=5000&max_bytes=1'), {
      headers: { accept: BINARY },
      signal: client.signal,
    })
    await until(() => log.waiting === 1)
    client.abort()
    expect((await reading).status).toBe(499)
    expect(log.waiting).toBe(0)
  })

  it('return at least one record, and no more than the bytes allow', async () => {
    const { log, get } = harness({}, { limits: { maxReadBytes: 10 } })
    for (let i = 0; i < 5; i++) log.append('t', { key: null, value: bytes('12345') })
    const asked = async (max: number) =>
      (await (
        await get(records(`offset=0&timeout=0&max_bytes=${max}`), { accept: BINARY })
      ).json()) as unknown[]
    expect(await asked(1)).toHaveLength(1)
    expect(await asked(1_000_000)).toHaveLength(2)
  })

  it('refuse a position outside the log with the words of Redpanda, and with its bounds', async () => {
    const { log, get } = harness()
    log.append('t', { key: null, value: bytes('x') })
    log.truncate('t')
    for (const offset of [0, 2]) {
      const response = await get(records(`offset=${offset}&timeout=1000&max_bytes=1`), { accept: BINARY })
      expect(response.headers.get('kedge-beginning-offset')).toBe('1')
      expect(await answer(response)).toEqual([400, { error_code: 40002, message: 'offset_out_of_range' }])
    }
  })

  it.each([
    ['timeout=0&max_bytes=1', 400, 40002],
    ['offset=0&max_bytes=1', 400, 40002],
    ['offset=0&timeout=0', 400, 40002],
    ['offset=-1&timeout=0&max_bytes=1', 400, 40002],
    ['offset=abc&timeout=0&max_bytes=1', 400, 40002],
    ['offset=99999999999999999999&timeout=0&max_bytes=1', 400, 40002],
    ['offset=1e3&timeout=0&max_bytes=1', 400, 40002],
    ['offset=0&timeout=&max_bytes=1', 400, 40002],
  ])('refuse the query %s', async (query, status, code) => {
    const { get, errors } = harness()
    expect(await answer(await get(records(query), { accept: BINARY }))).toMatchObject([
      status,
      { error_code: code },
    ])
    expect(errors).toEqual([])
  })

  it('refuse partitions and topics that are not there', async () => {
    const { get } = harness({ autoCreate: false, topics: { t: 1 } })
    const query = 'offset=0&timeout=0&max_bytes=1'
    for (const path of [
      records(query, 't', 1),
      records(query, 't', 'x'),
      records(query, 't', -1),
      records(query, 'u'),
    ]) {
      expect(await answer(await get(path, { accept: BINARY }))).toMatchObject([404, { error_code: 40402 }])
    }
  })

  it.each([undefined, '*/*', 'application/json', `${BINARY};q=0`, ',,,', 'a'.repeat(5000)])(
    'refuse to guess a format from Accept: %s',
    async (accept) => {
      const { get } = harness()
      const response = await get(
        records('offset=0&timeout=0&max_bytes=1'),
        accept === undefined ? {} : { accept },
      )
      expect(await answer(response)).toMatchObject([406, { error_code: 406 }])
    },
  )

  it('refuse more waiting polls than the limit, and say when to come back', async () => {
    const { log, get } = harness({}, { limits: { maxPolls: 1 } })
    const reading = get(records('offset=0&timeout=5000&max_bytes=1'), { accept: BINARY })
    await until(() => log.waiting === 1)
    const refused = await get(records('offset=0&timeout=5000&max_bytes=1'), { accept: BINARY })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    log.append('t', { key: null, value: null })
    await reading
    expect((await get(records('offset=0&timeout=5000&max_bytes=1'), { accept: BINARY })).status).toBe(200)
  })
})
