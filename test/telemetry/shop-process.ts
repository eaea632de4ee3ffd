/**
 * The shop in a process of Node: `node shop-process.ts <gateway> <zipkin>`. A context manager keeps the span of a request active.
 *
 * @module
 */
import process from 'node:process'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { serve } from '../../worker/node.ts'
import { Shop } from './shop.ts'
import { zipkinTracer } from './zipkin-tracer.ts'

const [kafka = '', zipkin = ''] = process.argv.slice(2)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const tracer = zipkinTracer(zipkin, 'node')
const shop = new Shop({ kafka, tracer })
const { url } = await serve({
  cache: shop.cache,
  port: 0,
  app: { fetch: (request, _env, context) => shop.fetch(request, (work) => context.waitUntil(work), true) },
})
process.stdout.write(`${url}\n`)
