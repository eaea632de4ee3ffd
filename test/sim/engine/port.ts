/** The port between a core and its adapter; the trace records every call of it. @module */
import type { KafkaLog, PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import type { Life } from './life.ts'
import type { Record, Told } from './record.ts'

export function toldPort(
  log: KafkaLog,
  isolate: number,
  life: Life,
  record: Record,
  calls: () => number,
): KafkaLog {
  const tell = record.of(life)
  const call = async <T>(
    asked: Omit<Extract<Told, { type: 'asked' }>, 'type' | 'call' | 'isolate'>,
    work: () => Promise<T>,
    positionsOf: (result: T) => Omit<Extract<Told, { type: 'told' }>, 'type' | 'call'>,
  ): Promise<T> => {
    const number = calls()
    tell({ type: 'asked', call: number, isolate, ...asked })
    try {
      const result = await work()
      tell({ type: 'told', call: number, ...positionsOf(result) })
      return result
    } catch (error) {
      tell({ type: 'untold', call: number, code: codeOf(error) })
      throw error
    }
  }
  return {
    capabilities: log.capabilities,
    produce: (topic, records, options) =>
      call(
        { operation: 'produce', topic },
        () => log.produce(topic, records, options),
        (positions) => ({ positions }),
      ),
    offsets: (topic, options) =>
      call(
        { operation: 'offsets', topic, ...(options?.maxAgeMs && { maxAgeMs: options.maxAgeMs }) },
        () => log.offsets(topic, options),
        (bounds) => ({
          positions: bounds.map(({ partition, end }) => ({ partition, offset: end })),
          ...ageOf(bounds),
        }),
      ),
    read: (topic, positions, options) =>
      call(
        { operation: 'read', topic, positions },
        () => log.read(topic, positions, options),
        (result) => ({
          positions: result.next,
          offsets: result.records.map(({ partition, offset }) => ({ partition, offset })),
        }),
      ),
    ...(log.settled && { settled: async () => log.settled?.() }),
    close: async () => log.close?.(),
  }
}

function ageOf(bounds: readonly PartitionOffsets[]): { ageMs?: number } {
  const ageMs = Math.max(0, ...bounds.map((bound) => bound.ageMs ?? 0))
  return ageMs > 0 ? { ageMs } : {}
}

/** The code of a `KedgeError`, or the name of another error. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'Error'
}
