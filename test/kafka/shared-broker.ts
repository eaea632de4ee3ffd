/**
 * One broker for all suites of a run that only write to topics of their own. Those that kill, pause or configure a
 * broker start one for themselves.
 *
 * @module
 */
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { kafkaAvailable, startBroker } from './broker.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `127.0.0.1:port` of the broker that suites share; `undefined` where none can be started. */
    readonly sharedBroker: string | undefined
  }
}

/** Runs once for the project, in the process of Vitest. `KEDGE_SHARED_BROKER` names a broker that runs already. */
export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['KEDGE_SHARED_BROKER']
  if (given !== undefined) {
    provide('sharedBroker', given)
    return undefined
  }
  if (kafkaAvailable() !== undefined) return undefined
  const broker = await startBroker()
  provide('sharedBroker', broker.bootstrap)
  return () => broker.stop()
}

/** The address of the broker that suites share. */
export function sharedBroker(): string {
  const address = inject('sharedBroker')
  if (address === undefined) throw new Error('no broker is shared: this file belongs to the project `broker`')
  return address
}
