import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BINARY, JSON_FORMAT, until } from '../harness.ts'
import { attacked, requestText, Unreading } from './gateway.ts'
import type { Attacked } from './gateway.ts'

const SIZE = 8_388_000
/** Of processor time, all threads. */
const MOST_CPU_MS = 300
const MOST_MIB = 100
/** What one turn of the event loop may compute, in 99 of 100. */
const MOST_TURN_MS = 100
/**
 * A busy machine counts up to three times as much processor time for the same work: its caches are cold, and its cores
 * are shared. A gateway that works too long does so each time, so what counts is the least of so many tries.
 */
const TRIES = 5

const list = (open: string, item: string, close: string) => {
  const count = Math.floor((SIZE - open.length - close.length) / (item.length + 1))
  return `${open}${`${item},`.repeat(count - 1)}${item}${close}`
}
const members = (open: string, close: string) => {
  let text = open
  for (let i = 0; text.length < SIZE - 40; i++) text += `${i === 0 ? '' : ','}"k${i}":0`
  return text + close
}

const V3 = '/v3/clusters/kedge-memory/topics/t'
const json = 'application/json'

/** What is sent, to where, and how it is refused. */
const bodies: Record<string, readonly [path: string, type: string, body: string, status: number]> = {
  'empty records': ['/topics/t', BINARY, list('{"records":[', '{}', ']}'), 413],
  'zeros for records': ['/topics/t', BINARY, list('{"records":[', '0', ']}'), 413],
  'unknown members in a record': ['/topics/t', BINARY, members('{"records":[{', '}]}'), 413],
  'unknown members': ['/topics/t', BINARY, members('{', '}'), 413],
  'nested lists': ['/topics/t', JSON_FORMAT, `{"records":[{"value":${'['.repeat(SIZE - 30)}`, 400],
  'lists side by side': ['/topics/t', JSON_FORMAT, list('{"records":[{"value":[', '[[]]', ']}]}'), 413],
  'one text': ['/topics/t', JSON_FORMAT, `{"records":[{"value":"${'a'.repeat(SIZE - 30)}"}]}`, 200],
  'one text of escapes': [
    '/topics/t',
    JSON_FORMAT,
    `{"records":[{"value":"${'\\"'.repeat(SIZE / 2 - 30)}"}]}`,
    200,
  ],
  'one text of no end': ['/topics/t', JSON_FORMAT, `{"records":[{"value":"${'\\'.repeat(SIZE - 31)}`, 400],
  spaces: ['/topics/t', JSON_FORMAT, `{"records":[${' '.repeat(SIZE - 30)}]}`, 422],
  'zeros for v3 entries': [`${V3}/records:batch`, json, list('{"entries":[', '0', ']}'), 413],
  'v3 entries': [`${V3}/records:batch`, json, list('{"entries":[', '{"id":"a"}', ']}'), 413],
  'zeros in a v3 record': [`${V3}/records`, json, list('{"value":{"type":"JSON","data":[', '0', ']}}'), 200],
  'empty v3 records': [`${V3}/records`, json, '{}'.repeat(SIZE / 2), 200],
  "zeros for Upstash's messages": ['/produce/t', json, list('[', '0', ']'), 413],
  "Upstash's messages": ['/produce/t', json, list('[', '{"value":""}', ']'), 413],
  "unknown members in Upstash's message": ['/produce/t', json, members('{', '}'), 413],
  "headers of Upstash's message": [
    '/produce/t',
    json,
    list('{"value":"x","headers":[', '{"key":"a","value":"b"}', ']}'),
    413,
  ],
  "Upstash's positions": [
    '/fetch',
    json,
    list('{"topicPartitionOffsets":[', '{"topic":"t","partition":0,"offset":0}', ']}'),
    413,
  ],
  "Upstash's partitions": ['/offsets/latest', json, list('[', '{"topic":"t","partition":0}', ']'), 413],
}
/** With all that a record of v3 may have. */
const V3_RECORD = JSON.stringify({
  partition_id: 0,
  headers: [{ name: 'trace', value: 'MDEyMw==' }],
  key: { type: 'STRING', data: 'key' },
  value: { type: 'BINARY', data: 'MDEyMw==' },
  timestamp: '2026-01-01T00:00:00Z',
})
/** As many values as may be: what the gateway parses and checks. */
const MOST_VALUES = 99_000
const worst: typeof bodies = {
  'members, each of another name': [
    '/topics/t',
    BINARY,
    `{"records":[{${Array.from({ length: MOST_VALUES }, (_, i) => `"k${i}":0`).join(',')}}]}`,
    422,
  ],
  'objects, each with a member of another name': [
    '/topics/t',
    JSON_FORMAT,
    `{"records":[{"value":[${Array.from({ length: MOST_VALUES / 2 }, (_, i) => `{"k${i}":0}`).join(',')}]}]}`,
    200,
  ],
  'records of the wrong kind': ['/topics/t', BINARY, `{"records":[${'{},'.repeat(9998)}{"key":7}]}`, 400],
  'members, each of another name, in a message': [
    '/produce/t',
    json,
    `{${Array.from({ length: MOST_VALUES }, (_, i) => `"k${i}":0`).join(',')}}`,
    400,
  ],
  'v3 records, as many as a request may have': [
    `${V3}/records`,
    json,
    `${V3_RECORD}\n`.repeat(Math.min(10_000, Math.floor(MOST_VALUES / V3_RECORD.split(/[,[{]/).length))),
    200,
  ],
  'headers in a message': [
    '/produce/t',
    json,
    `{"value":"x","headers":[${'{"key":"a","value":"b"},'.repeat(9000)}0]}`,
    400,
  ],
}

const send = async (gateway: Attacked, [path, type, body]: (typeof bodies)[string]) => {
  const init = { method: 'POST', headers: { 'content-type': type }, body }
  try {
    const response = await fetch(gateway.url + path, init)
    await response.arrayBuffer()
    return response.status
  } catch {
    // Refused before all of it was sent, some clients take the answer for an error of theirs.
    return undefined
  }
}

/** The least of so many tries; the first that is under the limit is enough. */
async function least(limit: number, measure: () => Promise<number>): Promise<number> {
  let lowest = Infinity
  for (let left = TRIES; left > 0 && lowest >= limit; left--) lowest = Math.min(lowest, await measure())
  return lowest
}

describe('a body of eight megabytes', () => {
  let gateway: Attacked
  beforeAll(async () => {
    gateway = await attacked()
    // Compiled, and its heap grown to what one large request takes.
    for (let i = 0; i < 3; i++) await send(gateway, bodies['one text']!)
    for (const one of Object.values(worst)) await send(gateway, one)
  })
  afterAll(() => gateway.stop())

  it.each([...Object.entries(bodies), ...Object.entries(worst)])(
    `of %s costs no more than ${MOST_CPU_MS} ms`,
    async (_name, one) => {
      const cost = async () => {
        gateway.forgetPeak()
        const before = gateway.resident().now
        const { cpuMs } = await gateway.used()
        const status = await send(gateway, one)
        expect(status ?? one[3]).toBe(one[3])
        const used = await gateway.used()
        expect(gateway.resident().peak - before).toBeLessThan(MOST_MIB)
        return used.cpuMs - cpuMs
      }
      expect(await least(MOST_CPU_MS, cost)).toBeLessThan(MOST_CPU_MS)
    },
  )

  it('after the other leaves the event loop to others', async () => {
    const longest = async () => {
      await gateway.used()
      // Three times: of fewer looks at the timers the 99th of 100 is the longest, which may have garbage collected in it.
      for (let round = 0; round < 3; round++)
        for (const one of Object.values(bodies)) await send(gateway, one)
      return (await gateway.used()).busyP99Ms
    }
    expect(await least(MOST_TURN_MS, longest)).toBeLessThan(MOST_TURN_MS)
  })
})

describe('bodies together', () => {
  let gateway: Attacked
  const clients: Unreading[] = []
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy()
    await gateway.stop()
  })

  it('cost no more than what all may have, however many do not end', async () => {
    gateway = await attacked({ limits: { maxBufferedBytes: 33_554_432 } })
    gateway.forgetPeak()
    const before = gateway.resident().now
    const part = `{"records":[{"value":"${'a'.repeat(4_000_000)}`
    const head = requestText('POST', '/topics/t', { 'content-type': BINARY }).replace(
      'content-length: 0',
      'content-length: 8000000',
    )
    for (let i = 0; i < 40; i++) clients.push(new Unreading(gateway.port, head + part))
    let refused = 0
    for (const { status } of clients) void status.then((code) => (refused += code === 429 ? 1 : 0))
    await until(() => refused >= 34)
    expect(gateway.resident().peak - before).toBeLessThan(MOST_MIB)
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  })
})
