/**
 * Every public adapter, in one list. `test/adapters/manifest.test.ts` fails where an adapter stands here and not in
 * package.json, jsr.json, knip.json, the command line or the docs, or there and not here.
 *
 * Tests and tools read it; it is not published. It imports an adapter only when that is called for.
 *
 * @module
 */
import type { Adapter, RestProxy } from './manifest/adapter.ts'
import { LOGS } from './manifest/logs.ts'
import { OTHERS } from './manifest/others.ts'
import { STORES } from './manifest/stores.ts'

export type { Adapter, ProxyAddress, RestProxy } from './manifest/adapter.ts'

export const ADAPTERS: readonly Adapter[] = [...LOGS, ...STORES, ...OTHERS]

export const REST_PROXIES: readonly RestProxy[] = LOGS.flatMap(({ proxies = [] }) => proxies)
