/**
 * What orders are joined with. Here it is a handful in memory; with you a table, a service, or topics that a sync of
 * their own keeps in Redis (`customer:{key}`, `price:{key}`).
 *
 * @module
 */

interface Customer {
  readonly name: string
  readonly country: string
}

interface Price {
  readonly name: string
  readonly cents: number
}

export interface Reference {
  customer(id: string): Promise<Customer | undefined>
  price(sku: string): Promise<Price | undefined>
}

const customers = new Map<string, Customer>([
  ['c-1', { name: 'Ada Lovelace', country: 'GB' }],
  ['c-2', { name: 'Grace Hopper', country: 'US' }],
])

const prices = new Map<string, Price>([
  ['tea', { name: 'Tea, 250 g', cents: 890 }],
  ['pot', { name: 'Teapot', cents: 4250 }],
  ['cup', { name: 'Cup', cents: 1200 }],
])

export const reference: Reference = {
  customer: async (id) => customers.get(id),
  price: async (sku) => prices.get(sku),
}
