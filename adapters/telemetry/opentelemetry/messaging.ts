/** Attributes of what is done with Kafka, by OpenTelemetry's semantic conventions (1.45, in development). @module */
import type { Attributes } from './api.ts'

export const messaging = (topic: string, type: 'send' | 'receive' | 'process', name: string): Attributes => ({
  'messaging.system': 'kafka',
  'messaging.destination.name': topic,
  'messaging.operation.type': type,
  'messaging.operation.name': name,
})

export const placeOf = (partition: number, offset: number): Attributes => ({
  'messaging.destination.partition.id': String(partition),
  'messaging.kafka.offset': offset,
})
