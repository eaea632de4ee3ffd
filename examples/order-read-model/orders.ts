/** The order service: it alone writes `order.created`. @module */
import type { KafkaLog } from 'kedge'
import type { OrderEvent } from './events.ts'
import { CREATED } from './topics.ts'

const encoder = new TextEncoder()

/** Appends an event, under the order's id: so all events of an order are in one partition. */
export async function publishOrder(kafka: KafkaLog, event: OrderEvent): Promise<void> {
  await kafka.produce(CREATED, [
    { key: encoder.encode(event.id), value: encoder.encode(JSON.stringify(event)) },
  ])
}
