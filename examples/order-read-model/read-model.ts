/** `order.enriched` → `order.read-model` → `order.compact`: the view of each order, as events and as the latest. @module */
import { EnrichedEvent, type OrderView, ViewEvent } from './events.ts'
import { eventOf, recordOf } from './records.ts'
import type { Stage } from './stage.ts'
import { COMPACT, ENRICHED, READ_MODEL } from './topics.ts'

/** Every event makes a view of its order: for readers that want each of them. */
export const viewBuilder: Stage = {
  name: 'view-builder',
  from: ENRICHED,
  to: READ_MODEL,
  async each(record) {
    const event = eventOf(EnrichedEvent, record, ENRICHED)
    if (event === undefined) return undefined
    const { id, revision } = event
    const said: ViewEvent = { id, revision, view: viewOf(event) }
    return recordOf(id, said)
  },
}

/** The latest view alone, for readers that want no history: a tombstone for an order that is gone. */
export const compactor: Stage = {
  name: 'compactor',
  from: READ_MODEL,
  to: COMPACT,
  async each(record) {
    const event = eventOf(ViewEvent, record, READ_MODEL)
    return event && recordOf(event.id, event.view)
  },
}

function viewOf(event: EnrichedEvent): OrderView | null {
  if (event.type === 'order.deleted') return null
  const { id, revision, status, customer, lines } = event
  const cents = lines.reduce((sum, line) => sum + line.quantity * line.cents, 0)
  return {
    id,
    revision,
    status,
    customer: `${customer.name}, ${customer.country}`,
    items: lines.map(({ quantity, name }) => `${quantity} × ${name}`),
    total: (cents / 100).toFixed(2),
  }
}
