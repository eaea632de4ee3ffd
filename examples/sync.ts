/**
 * A topic as a lookup store: read from its beginning, followed, and read again when the store was wiped.
 *
 *     node examples/sync.ts
 */
import { createSync } from 'kedge/sync'
import { memory, memorySink } from 'kedge/testing'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const kafka = memory()
const sink = memorySink()

const write = (key: string, value: object | null) =>
  kafka.produce('orders', [
    { key: encoder.encode(key), value: value && encoder.encode(JSON.stringify(value)), partition: 0 },
  ])
/** What any client finds with the store's own `GET`. */
const read = (key: string) => decoder.decode(sink.store.get(key) ?? encoder.encode('(nothing)'))

const sync = createSync({
  kafka,
  topic: 'orders',
  sink,
  key: 'order:{key}:latest',
  value: ['status', 'customer.name'],
  onEvent: (event) => {
    if (event.type === 'begin') console.log(`reads from the beginning: ${event.reason}`)
  },
})

await write('7', { status: 'created', customer: { name: 'Ada', card: '4111…' } })
await write('8', { status: 'created', customer: { name: 'Grace' } })
await write('7', { status: 'paid', customer: { name: 'Ada', card: '4111…' } })
await write('8', null)
await sync.step()
console.log(`order 7: ${read('order:7:latest')}`)
console.log(`order 8: ${read('order:8:latest')}`)

sink.store.wipe()
await write('9', { status: 'created', customer: { name: 'Edsger' } })
const { lag } = await sync.step()
console.log(`after the wipe, order 7: ${read('order:7:latest')}; ${lag.records} records behind`)

const right =
  read('order:7:latest') === '{"status":"paid","customer":{"name":"Ada"}}' &&
  read('order:8:latest') === '(nothing)' &&
  sink.store.keys().length === 2
process.exitCode = right ? 0 : 1
