/**
 * One trace from a request to the isolate that drops the key: spans by OpenTelemetry's API, recorded by its SDK.
 *
 * @module
 */
import assert from 'node:assert/strict'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { createCache } from 'kedge'
import { tracing } from 'kedge/adapters/opentelemetry'
import { memory, MemoryLog } from 'kedge/testing'

// As a program sets up its SDK: with an exporter that sends, `OTLPTraceExporter` for example.
const exporter = new InMemorySpanExporter()
api.trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

const log = new MemoryLog()
const here = createCache({ kafka: memory({ on: log }), use: [tracing({ api })] })
// Few isolates: what they apply may stand in the trace of the writer.
const there = createCache({ kafka: memory({ on: log }), use: [tracing({ api, evictions: 'child' })] })
const users = here.namespace<string>('users')
const usersThere = there.namespace<string>('users')
await Promise.all([here.sync(), there.sync()])
await usersThere.getOrSet('7', async () => 'Ada')

const tracer = api.trace.getTracer('shop')
await tracer.startActiveSpan('PUT /users/7', async (request) => {
  // UPDATE users SET …, then:
  await users.delete('7')
  await users.getOrSet('7', async () => 'Grace')
  request.end()
})
await there.sync()
assert.equal(await usersThere.get('7'), undefined)

const spans = exporter.getFinishedSpans()
const traceId = spans.find(({ name }) => name === 'PUT /users/7')!.spanContext().traceId
const names = spans.filter((span) => span.spanContext().traceId === traceId).map(({ name }) => name)
assert.deepEqual(names, ['send cache-evictions', 'load users', 'PUT /users/7', 'process cache-evictions'])

await Promise.all([here.close(), there.close()])
console.log(`one trace: ${names.join(', ')}`)
