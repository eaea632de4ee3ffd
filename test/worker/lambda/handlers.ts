/** Handlers that are bundled and run in the emulator. @module */
import core from '@middy/core'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { otlpMetrics, otlpOptions } from '../../../adapters/metrics/otlp.ts'
import { createLoader } from '../../../services/loader/index.ts'
import { createCache, systemRuntime } from '../../../src/index.ts'
import type { Duration } from '../../../src/index.ts'
import { memorySink, MemoryStore } from '../../../src/testing/index.ts'
import { createSync } from '../../../services/sync/index.ts'
import { openToAll } from '../../../worker/index.ts'
import {
  applyUpdates,
  kafkaHandler,
  lambdaHandler,
  serveRequests,
  withCache,
  withStreamingCache,
} from '../../../worker/lambda.ts'
import type { KafkaHandlerEvent, LambdaContext, WithCache } from '../../../worker/lambda.ts'

const { KAFKA_REST_URL: url = '', CLOCKS: clocks = 'both', BELL: bell = '' } = process.env
// Long, so that a slow machine is not taken for a log that is away; short where the log is to be away.
const { POLL_TIMEOUT: pollTimeout = '5s' } = process.env
const kafka = gateway({ url })

// Either clock may be one that does not count a freeze.
const beganAt = Date.now()
const runtime = systemRuntime({
  ...(clocks === 'wall' && { monotonic: () => 0 }),
  ...(clocks === 'monotonic' && { now: () => beganAt }),
})
const cache = createCache({
  kafka,
  runtime,
  maxStaleness: '1s',
  pollTimeout: pollTimeout as Duration,
  onUnreachable: 'throw',
})
cache.namespace('users')

export const http = lambdaHandler({ cache, auth: openToAll })

const pushTo = otlpOptions(process.env)
const metrics = pushTo && otlpMetrics(cache, { ...pushTo, interval: 1 })
export const pushing = lambdaHandler({ cache, auth: openToAll, ...(metrics && { metrics }) })

const store = new MemoryStore(() => Date.now())
const sink = memorySink({ on: store })
const sync = createSync({ kafka, topic: 'cache-updates', sink, key: '{ns}:{key}', deadLetters: 'dead' })
const loader = createLoader({
  kafka,
  loaders: { users: async (keys) => new Map(keys.map((key) => [key, `user ${key}`])) },
})
const told: KafkaHandlerEvent[] = []
const takes = kafkaHandler(
  { 'cache-updates': applyUpdates(sync), 'cache-requests': serveRequests(loader) },
  { failures: 'report', onEvent: (event) => void told.push(event) },
)

/** Beside events of Kafka it takes orders of the test: to look, and to lose its store. */
export async function kafkaEvents(
  event: { readonly order?: string },
  context: LambdaContext,
): Promise<unknown> {
  if (event.order === 'lose') sink.fail(new Error('gone'))
  if (event.order === 'find') sink.fail()
  if (event.order === undefined) return takes(event, context)
  const values = store.keys().map((key) => [key, new TextDecoder().decode(store.get(key))])
  return { values: Object.fromEntries(values) as unknown, stats: takes.stats(), told }
}

interface Asked {
  readonly prove?: boolean
  readonly load?: string
  readonly get?: boolean
  readonly fail?: boolean
  readonly defer?: number
}

/** What a request of one's own sees, from the first moment on. */
async function look(event: Asked, context: WithCache): Promise<unknown> {
  const users = context.cache.namespace<string>('users')
  const peeked = users.peek('7')
  const pollsBefore = cache.stats().polls
  while (event.prove && !(await context.cache.sync()).proved) await sleep(5)
  if (event.load !== undefined) await users.getOrSet('7', () => event.load!)
  const got = event.get ? await users.get('7').catch((error: { code: string }) => error.code) : undefined
  return {
    pid: process.pid,
    clocks: [Date.now(), performance.now()],
    peeked: peeked ?? null,
    got: got ?? null,
    held: users.peek('7') ?? null,
    pollsBefore,
    polls: cache.stats().polls,
  }
}

export const own = withCache(cache, look)

export const pushingOwn = withCache(cache, look, { ...(metrics && { metrics }) })

export const wrapped = core<Asked>().handler(withCache(cache, look))

/** Rings a bell after the answer has been made up. */
async function ring(event: Asked): Promise<unknown> {
  const later = withCache(
    () => ({
      ...cache,
      for: (context) => {
        context.waitUntil(sleep(event.defer ?? 0).then(() => fetch(bell)))
        return cache
      },
    }),
    () => {
      if (event.fail) throw new TypeError('broken')
      return { pid: process.pid }
    },
  )
  return later(event, { getRemainingTimeInMillis: () => 5000 })
}
export { ring }

declare const awslambda: {
  streamifyResponse(
    handler: (event: Asked, stream: NodeJS.WritableStream, context: LambdaContext) => Promise<unknown>,
  ): unknown
}

export const streamed: unknown = awslambda.streamifyResponse(
  withStreamingCache(cache, async (event: Asked, stream: NodeJS.WritableStream, context) => {
    stream.write('as a stream: ')
    stream.write(JSON.stringify(await look(event, context)))
    stream.end()
  }),
)
