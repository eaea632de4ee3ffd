/** `order.created` → `order.enriched`: joined with the customer and the prices. @module */
import { EnrichedEvent, OrderEvent } from './events.ts'
import { eventOf, recordOf } from './records.ts'
import type { Reference } from './reference.ts'
import type { Stage } from './stage.ts'
import { CREATED, ENRICHED } from './topics.ts'

export function enricher(reference: Reference): Stage {
  return {
    name: 'enricher',
    from: CREATED,
    to: ENRICHED,
    async each(record) {
      const event = eventOf(OrderEvent, record, CREATED)
      return event && recordOf(event.id, await enriched(event, reference))
    },
  }
}

async function enriched(event: OrderEvent, reference: Reference): Promise<EnrichedEvent> {
  if (event.type === 'order.deleted') return event
  const { type, id, revision, status, customerId } = event
  // An order of an unknown customer goes through: the view shows the gap, and the stage does not stop.
  const customer = (await reference.customer(customerId)) ?? { name: customerId, country: '' }
  const lines = await Promise.all(
    event.lines.map(async ({ sku, quantity }) => {
      const { name, cents } = (await reference.price(sku)) ?? { name: sku, cents: 0 }
      return { sku, quantity, name, cents }
    }),
  )
  return { type, id, revision, status, customer, lines }
}
