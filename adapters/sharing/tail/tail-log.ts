/** The log that `tail()` makes, with limits that a test may make small. @module */
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import { endpoint } from '../../kafka/rest/endpoint.ts'
import { http } from '../../kafka/rest/http.ts'
import { transportLimits } from '../../options.ts'
import { TailClient } from './client.ts'
import type { StoreLimits } from './limits.ts'
import { checkTailOptions, type TailOptions } from './options.ts'
import { Segments } from './segments.ts'
import { SharedProofs } from './shared-proofs.ts'
import { SignedStore } from './signed-store.ts'

/** The most that an answer of a tail takes: see `adapters/sharing/tail/state.ts`. */
const MAX_RESPONSE_BYTES = 2_000_000
const NOWHERE = 'https://tail.invalid'

export function tailLog(options: TailOptions, storeLimits: StoreLimits): KafkaLog {
  checkTailOptions(options)
  const { origin, url, ask, auth, headers, store, topics = ['cache-evictions'], driftPpm = 1000 } = options
  const limits = transportLimits({
    requestTimeout: options.requestTimeout ?? '2s',
    maxResponseBytes: MAX_RESPONSE_BYTES,
  })
  // A tail without an address is asked by its paths alone.
  const transport: typeof fetch | undefined = ask
    ? (input, init) => ask((input as string).slice(NOWHERE.length), { signal: init!.signal! })
    : options.fetch
  const to = endpoint({ url: url ?? NOWHERE, ...(auth && { auth }), ...(headers && { headers }) })
  const runtime = options.runtime ?? systemRuntime()
  const followed: ReadonlySet<string> = new Set(topics)
  const signed = store && new SignedStore(store, options.secret!)
  const client = new TailClient({
    origin,
    http: http(to, { ...limits, fetch: transport }),
    topics: followed,
    proofs: signed && new SharedProofs(signed, storeLimits),
    segments: signed && new Segments(signed, storeLimits),
    driftPpm,
    timeoutMs: limits.timeoutMs,
    runtime,
  })
  const socket = options.socket?.over({ asked: client, endpoint: to, topics: followed, runtime })
  const log = socket ?? client
  return {
    capabilities: {
      identity: true,
      longPoll: socket !== undefined,
      readCommitted: origin.capabilities.readCommitted,
      shared: true,
    },
    ...(origin.signedTopics && { signedTopics: origin.signedTopics }),
    produce: async (topic, records, call) => origin.produce(topic, records, call),
    offsets: (topic, call) => log.offsets(topic, call),
    read: (topic, positions, how) => log.read(topic, positions, how),
    ...(store && { settled: () => client.settled() }),
    async close() {
      socket?.close()
      await origin.close?.()
    },
  }
}
