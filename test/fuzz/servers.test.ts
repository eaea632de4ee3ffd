/** Hostile requests to the gateway and to the worker: each gets an answer, none of them is an error of ours. */
import { describe, it } from 'vitest'
import { createApp } from '../../worker/app.ts'
import { openToAll } from '../../worker/auth.ts'
import { createCache } from '../../src/index.ts'
import { memory, MemoryLog } from '../../src/testing/index.ts'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import type { Dice } from './dice.ts'
import { changedBytes, changedLine, changedText, NUMBERS, STRINGS, textOf } from './mutation.ts'

const BINARY = 'application/vnd.kafka.binary.v2+json'
const V2 = 'application/vnd.kafka.v2+json'
const JSON_TYPE = 'application/json'

interface Shape {
  readonly method: string
  readonly path: string
  readonly type?: string
  readonly accept?: string
  readonly body?: unknown
}

const RECORD = { key: 'NzE=', value: 'eyJ2IjoxfQ==', partition: 0 }
const GATEWAY: readonly Shape[] = [
  { method: 'POST', path: '/topics/t', type: BINARY, body: { records: [RECORD, { value: null }] } },
  { method: 'POST', path: '/topics/t', type: 'application/vnd.kafka.json.v2+json', body: { records: [{ key: 7, value: { a: [1] } }] } },
  { method: 'POST', path: '/topics/t/partitions/0', type: BINARY, body: { records: [{ key: null, value: 'NzE=' }] } },
  { method: 'POST', path: '/v3/clusters/kedge-memory/topics/t/records', type: JSON_TYPE, body: { partition_id: 0, headers: [{ name: 'h', value: 'NzE=' }], key: { type: 'BINARY', data: 'NzE=' }, value: { type: 'JSON', data: { a: 1 } }, timestamp: '2026-11-21T09:00:00Z' } },
  { method: 'POST', path: '/v3/clusters/kedge-memory/topics/t/records:batch', type: JSON_TYPE, body: { entries: [{ id: '1', value: { type: 'STRING', data: 'x' } }, { id: '2' }] } },
  { method: 'POST', path: '/produce', type: JSON_TYPE, body: [{ topic: 't', partition: 0, key: '7', value: 'x', timestamp: 1, headers: [{ key: 'a', value: 'b' }] }] },
  { method: 'POST', path: '/produce/t', type: JSON_TYPE, body: { value: 'x' } },
  { method: 'POST', path: '/fetch', type: JSON_TYPE, body: { topicPartitionOffsets: [{ topic: 't', partition: 0, offset: 0 }], timeout: 0 } },
  { method: 'POST', path: '/fetch', type: JSON_TYPE, body: { topic: 't', partition: 0, offset: 1, timeout: 0 } },
  { method: 'POST', path: '/offsets/latest', type: JSON_TYPE, body: [{ topic: 't', partition: 0 }] },
  { method: 'POST', path: '/offsets/17', type: JSON_TYPE, body: { topic: 't', partition: 1 } },
  { method: 'GET', path: '/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=1000', accept: BINARY },
  { method: 'GET', path: '/topics/t/partitions/0/offsets' },
  { method: 'GET', path: '/topics' },
  { method: 'POST', path: '/consumers/g', type: V2, body: { name: 'i', format: 'binary', 'auto.offset.reset': 'earliest', 'consumer.request.timeout.ms': 1 } },
  { method: 'POST', path: '/consumers/g/instances/i/assignments', type: V2, body: { partitions: [{ topic: 't', partition: 0 }] } },
  { method: 'POST', path: '/consumers/g/instances/i/positions', type: V2, body: { offsets: [{ topic: 't', partition: 0, offset: 0 }], timestamps: [{ topic: 't', partition: 0, timestamp: 5 }] } },
  { method: 'POST', path: '/consumers/g/instances/i/positions/end', type: V2, body: { partitions: [{ topic: 't', partition: 0 }] } },
  { method: 'GET', path: '/consumers/g/instances/i/records?timeout=1&max_bytes=100', accept: BINARY },
  { method: 'DELETE', path: '/consumers/g/instances/i' },
] // prettier-ignore

const WORKER: readonly Shape[] = [
  { method: 'PUT', path: '/cache/users/7', type: JSON_TYPE, body: { value: { a: 1 }, ttl: '5m', tags: ['t'], version: 7 } },
  { method: 'PUT', path: '/cache/users/eu%2F8', type: JSON_TYPE, body: { value: null } },
  { method: 'GET', path: '/cache/users/7' },
  { method: 'DELETE', path: '/cache/users/7' },
  { method: 'POST', path: '/cache/users/batch', type: JSON_TYPE, body: { keys: ['7', 'eu/8', '__proto__'] } },
  { method: 'POST', path: '/evictions', type: JSON_TYPE, body: { namespace: 'users', keys: ['7'] } },
  { method: 'POST', path: '/evictions', type: JSON_TYPE, body: { namespace: 'users', tags: ['t'] } },
  { method: 'POST', path: '/evictions', type: JSON_TYPE, body: { namespace: 'users', prefix: 'eu/' } },
  { method: 'POST', path: '/evictions', type: JSON_TYPE, body: { namespace: 'users', all: true } },
  { method: 'POST', path: '/evictions', type: JSON_TYPE, body: { all: true } },
] // prettier-ignore

const TOKENS = ['k1.0-1', 'k1.0-9007199254740991', 'k1.7-1', 'k2.0-1', 'x']
const TYPES = ['text/html', 'application/json; charset=utf-16', 'application/JSON', '', BINARY, V2, JSON_TYPE]

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array | undefined
}

function asked(shapes: readonly Shape[], dice: Dice, kept: string | undefined): Asked {
  const { method, path, type, accept, body } = dice.pick(shapes)
  const headers: Record<string, string> = {}
  if (type !== undefined) headers['content-type'] = dice.chance(0.05) ? dice.pick(TYPES) : type
  if (accept !== undefined) headers['accept'] = dice.chance(0.1) ? dice.pick(TYPES) : accept
  if (dice.chance(0.05)) headers['kedge-token'] = dice.pick(TOKENS)
  if (dice.chance(0.02)) headers['content-length'] = dice.pick(['0', '99999999999', '1'])
  if (dice.chance(0.02)) headers['content-encoding'] = 'gzip'
  const encoder = new TextEncoder()
  const kind = dice.random()
  const sent =
    body === undefined
      ? undefined
      : kept !== undefined
        ? encoder.encode(kept)
        : kind < 0.3
          ? encoder.encode(textOf(body))
          : kind < 0.8
            ? encoder.encode(changedText(body, dice))
            : kind < 0.82
              ? new Uint8Array()
              : changedBytes(encoder.encode(textOf(body)), dice)
  return { method, path: dice.chance(0.2) ? changedPath(path, dice) : path, headers, body: sent }
}

/** The path with one of its segments or numbers another. What cannot stand in a URL is encoded, or not. */
function changedPath(path: string, dice: Dice): string {
  const segments = path.split('/')
  const at = 1 + dice.below(segments.length - 1)
  const strange = dice.chance(0.3)
    ? dice.pick(NUMBERS)
    : dice.chance(0.5)
      ? dice.pick(STRINGS)
      : changedLine(segments[at] ?? '', dice)
  const encoded = dice.chance(0.7)
    ? encodeURIComponent(Buffer.from(strange).toString())
    : dice.pick(['%', '%zz', '%ff', '%00', '%2e%2e', '..', strange.replaceAll(/[^\w.-]/g, '')])
  if (path.includes('?') && dice.chance(0.5)) return path.replace(/=\d+/, `=${encoded}`)
  segments[at] = encoded
  return segments.join('/')
}

const show = ({ body, ...rest }: Asked) => ({
  ...rest,
  body: body && Buffer.from(body.subarray(0, 2000)).toString('latin1'),
})

type App = { request(path: string, init: RequestInit): Response | Promise<Response> }

/** The answer's status. An answer of 5xx is an error of ours, but for those that say that something else is missing. */
async function statusOf(
  app: App,
  { method, path, headers, body }: Asked,
  errors: readonly unknown[],
): Promise<string> {
  const response = await app.request(`http://server.test${path}`, {
    method,
    headers,
    ...(body && { body: body as Uint8Array<ArrayBuffer> }),
  })
  const text = await response.text()
  if (errors.length > 0) throw errors[0]
  // A token of the future cannot be waited for: that is no error.
  const isExpected = response.status === 501 || text.includes('ERR_UNREACHABLE')
  if (response.status >= 500 && !isExpected) throw new Error(`${response.status}: ${text.slice(0, 300)}`)
  if (response.status >= 400) {
    if (text.length > 2000) throw new Error('a refusal says too much')
    if (/\bat .*\.(ts|js):\d+/.test(text)) throw new Error('a refusal shows a place in the source')
  }
  return `${method} ${Math.floor(response.status / 100)}xx`
}

describe('a hostile request', () => {
  it(
    called('gateway', 'to the gateway is answered, and never with an error of its own'),
    TIMEOUT,
    async () => {
      const errors: unknown[] = []
      let app: App | undefined
      let uses = 0
      const renew = (): App => {
        const log = new MemoryLog({ autoCreate: false })
        log.createTopic('t', { partitions: 2 })
        return createGateway({
          cluster: memoryCluster(log),
          upstash: true,
          limits: { maxBodyBytes: 2_000_000, maxInstances: 4, maxRecordHeaders: 4, maxWaitMs: 1 },
          onError: (error) => errors.push(error),
        })
      }
      await run<Asked>({
        decoder: 'gateway',
        make: (dice, kept) => asked(GATEWAY, dice, kept),
        feed: (input) => {
          // What was produced stays in the log: a new one now and then.
          if (uses++ % 1000 === 0) app = renew()
          return statusOf(app!, input, errors)
        },
        show,
        sees: ['POST 2xx', 'POST 4xx', 'GET 2xx', 'GET 4xx', 'DELETE 2xx', 'DELETE 4xx'],
      })
    },
  )

  it(called('worker', 'to the worker is answered, and never with an error of its own'), TIMEOUT, async () => {
    const errors: unknown[] = []
    let app: App | undefined
    let uses = 0
    const renew = (): App => {
      const cache = createCache({ kafka: memory(), maxEntries: 100, maxBytes: 1_000_000, pollTimeout: 20 })
      return createApp({
        cache,
        auth: openToAll,
        namespaces: ['users'],
        maxBodyBytes: 300_000,
        onError: (error) => errors.push(error),
      })
    }
    await run<Asked>({
      decoder: 'worker',
      make: (dice, kept) => asked(WORKER, dice, kept),
      feed: (input) => {
        if (uses++ % 1000 === 0) app = renew()
        return statusOf(app!, input, errors)
      },
      show,
      sees: ['PUT 2xx', 'PUT 4xx', 'POST 2xx', 'POST 4xx', 'GET 2xx', 'GET 4xx', 'DELETE 2xx', 'DELETE 4xx'],
    })
  })
})
