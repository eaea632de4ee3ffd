/** A log without HTTP, over the same network: each call is one request, and what spoils answers is an error here. @module */
import { answeredWithin } from '../../../adapters/deadline.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { KafkaLog, LogCapabilities, ReadResult } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { MemoryLog } from '../../../src/testing/memory-log.ts'
import { memory } from '../../../src/testing/memory.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'
import { places } from './universe.ts'

const DEADLINE_MS = 5000

export function memoryPort(
  log: MemoryLog,
  network: Network,
  seat: number | undefined,
  chosen: Partial<LogCapabilities>,
): KafkaLog {
  const runtime = systemRuntime({ isolatesRequests: false })
  const inner = memory({ on: log, runtime, capabilities: chosen })
  const { trouble } = network

  const call = <T>(
    extraMs: number,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    empty: (() => T) | undefined,
  ): Promise<T> =>
    answeredWithin(DEADLINE_MS + extraMs, signal, async (until) => {
      if (places.getStore()?.life?.step() === false) return new Promise<never>(() => undefined)
      try {
        return await network.send({
          seat,
          signal: until,
          arrive: async (random) => (trouble.any ? spoiled(random, work, empty) : work()),
        })
      } catch (cause) {
        if (cause instanceof KedgeError || until.aborted) throw cause
        throw new KedgeError('ERR_NETWORK', 'no answer', { cause, retryable: true })
      }
    })

  async function spoiled<T>(
    random: Random,
    work: () => Promise<T>,
    empty: (() => T) | undefined,
  ): Promise<T> {
    if (trouble.meets('storm_429', seat, random)) {
      const retryAfterMs = Math.floor(random() * 3000)
      throw new KedgeError('ERR_RATE_LIMITED', 'too many requests', { retryable: true, retryAfterMs })
    }
    const storm = trouble.meets('storm_5xx', seat, random)
    if (storm && random() < 0.5) throw httpError()
    const page = trouble.meets('html_page', seat, random)
    if (page && random() < 0.7) throw random() < 0.5 ? unreadable() : httpError()
    if (trouble.is('kafka_unavailable', seat)) throw httpError()
    const isEmpty = empty !== undefined && trouble.meets('empty_polls', seat, random)
    const result = isEmpty ? empty() : await work()
    if (storm) throw httpError()
    if (page) throw unreadable()
    if (trouble.meets('body_stalls', seat, random)) return new Promise<never>(() => undefined)
    if (trouble.meets('body_oversized', seat, random))
      throw new KedgeError('ERR_TOO_LARGE', 'the answer is too large')
    const isSpoiled =
      trouble.meets('body_truncated', seat, random) || trouble.meets('body_garbled', seat, random)
    if (isSpoiled) throw unreadable()
    return result
  }

  return {
    capabilities: inner.capabilities,
    async produce(topic, records, { signal } = {}) {
      try {
        return await call(0, signal, () => inner.produce(topic, records), undefined)
      } catch (cause) {
        if (signal?.aborted) throw signal.reason
        if (cause instanceof KedgeError && cause.code === 'ERR_PUBLISH') throw cause
        const { retryable, retryAfterMs } = cause as KedgeError
        throw new KedgeError('ERR_PUBLISH', 'not acknowledged', {
          cause,
          retryable,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        })
      }
    },
    offsets: (topic, { signal, ...options } = {}) =>
      call(0, signal, () => inner.offsets(topic, options), undefined),
    read: (topic, positions, { signal, ...options }) =>
      call(
        options.waitMs,
        signal,
        () => inner.read(topic, positions, options),
        (): ReadResult => ({ records: [], next: positions, outOfRange: [] }),
      ),
  }
}

const httpError = () => new KedgeError('ERR_HTTP', 'HTTP 503', { retryable: true })
const unreadable = () => new KedgeError('ERR_PROTOCOL', 'the answer is not JSON', { retryable: true })
