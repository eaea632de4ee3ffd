/** The context of the request that is being served, for caches that take `waitUntil` when they are made. @module */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from './serve.ts'

export const requestContext = new AsyncLocalStorage<Context>()

export const waitUntil = (work: Promise<unknown>): void => requestContext.getStore()?.waitUntil(work)
