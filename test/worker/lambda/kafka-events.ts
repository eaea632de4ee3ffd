/** Events of Kafka, as Lambda's event source mappings make them. @module */
import { toBase64 } from '../../../adapters/kafka/rest/base64.ts'

const encoder = new TextEncoder()

export interface GivenRecord {
  readonly offset: number
  readonly partition?: number
  /** An object as JSON. */
  readonly value?: unknown
  readonly key?: string | null
  /** Overrides of the other fields. */
  readonly over?: Record<string, unknown>
}

const base64 = (value: unknown) =>
  toBase64(encoder.encode(typeof value === 'string' ? value : JSON.stringify(value)))

export function kafkaRecord(topic: string, given: GivenRecord): Record<string, unknown> {
  const { offset, partition = 0, value, key, over } = given
  return {
    topic,
    partition,
    offset,
    timestamp: 1_700_000_000_000,
    timestampType: 'CREATE_TIME',
    ...(key !== undefined && { key: key === null ? null : base64(key) }),
    ...(value !== undefined && { value: value === null ? null : base64(value) }),
    headers: [{ 'trace-id': [97, -61, -87] }],
    ...over,
  }
}

function grouped(topic: string, records: readonly GivenRecord[]): Record<string, unknown[]> {
  const groups: Record<string, unknown[]> = {}
  for (const each of records)
    (groups[`${topic}-${each.partition ?? 0}`] ??= []).push(kafkaRecord(topic, each))
  return groups
}

/** Of Amazon MSK. */
export const msk = (topic: string, ...records: GivenRecord[]) => ({
  eventSource: 'aws:kafka',
  eventSourceArn: 'arn:aws:kafka:eu-west-1:123456789012:cluster/c/751d2973-a626-431c-9d4e-d7975eb44dd7-2',
  bootstrapServers: 'b-2.example:9092,b-1.example:9092',
  records: grouped(topic, records),
})

/** Of a cluster of one's own. */
export const selfManaged = (topic: string, ...records: GivenRecord[]) => ({
  eventSource: 'SelfManagedKafka',
  bootstrapServers: 'kafka-1.example:9092',
  records: grouped(topic, records),
})
