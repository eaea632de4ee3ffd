/** What stands in the topics. Whatever comes out of one is a stranger's data: it is checked. @module */
import * as z from 'zod'

/** What isolates call the views of orders. */
export const NAMESPACE = 'orders'

const place = {
  id: z.string().min(1).max(100),
  /** Counts the changes of this order: what tells a newer state from a replay of an older one. */
  revision: z.int().positive(),
}
const status = z.enum(['placed', 'paid', 'shipped'])
const line = z.object({ sku: z.string(), quantity: z.int().positive() })

/** `order.created`: an order as a whole, each time that it is placed or changed; or that it is gone. */
export const OrderEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['order.created', 'order.changed']),
    ...place,
    status,
    customerId: z.string(),
    lines: z.array(line).min(1).max(100),
  }),
  z.object({ type: z.literal('order.deleted'), ...place }),
])
export type OrderEvent = z.infer<typeof OrderEvent>

/** `order.enriched`: the same, joined with the customer and the prices. */
export const EnrichedEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['order.created', 'order.changed']),
    ...place,
    status,
    customer: z.object({ name: z.string(), country: z.string() }),
    lines: z.array(line.extend({ name: z.string(), cents: z.int() })),
  }),
  z.object({ type: z.literal('order.deleted'), ...place }),
])
export type EnrichedEvent = z.infer<typeof EnrichedEvent>

/** What a page of the shop shows of an order: the value in `order.compact`, in Redis, and in the isolates. */
export const OrderView = z.object({
  ...place,
  status,
  customer: z.string(),
  items: z.array(z.string()),
  total: z.string(),
})
export type OrderView = z.infer<typeof OrderView>

/** `order.read-model`: what an event made of the view; `null` where it is gone. */
export const ViewEvent = z.object({ ...place, view: OrderView.nullable() })
export type ViewEvent = z.infer<typeof ViewEvent>
