/** Records a second into each store, by kedge and by hand. @module */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Brought, Way } from './stores-process.ts'

const PROGRAM = fileURLToPath(new URL('stores-process.ts', import.meta.url))

/** A store that is measured. */
export interface MeasuredStore {
  readonly name: string
  readonly url: string
  /** Empties it, so that every way begins with nothing. */
  wipe(): Promise<void>
}

export interface Errand {
  readonly brokers: string
  readonly topic: string
  readonly records: number
}

export interface Rate {
  readonly store: string
  readonly way: Way
  readonly brought: Brought
}

/** Brings a topic into a store, in a process of its own. @throws Error when it fails. */
export async function bring(way: Way, store: MeasuredStore, errand: Errand): Promise<Brought> {
  await store.wipe()
  const args = [way, store.url, errand.brokers, errand.topic, String(errand.records)]
  const child = fork(PROGRAM, args, { execArgv: ['--no-warnings'], stdio: 'inherit' })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${way} into ${store.name} ended with ${String(code)}`)
  })
  ended.catch(() => undefined)
  const [said] = (await Promise.race([once(child, 'message'), ended])) as [Brought]
  await once(child, 'exit')
  return said
}

/** A loop is so slow that a part of the records says as much. */
const LOOP_SHARE = 0.1

export async function measureRates(
  stores: readonly MeasuredStore[],
  errand: Errand,
  progress: (text: string) => void,
): Promise<Rate[]> {
  const rates: Rate[] = []
  for (const store of stores) {
    for (const way of ['loop', 'pipeline', 'sync'] as const) {
      progress(`${way} into ${store.name}`)
      const records = way === 'loop' ? Math.floor(errand.records * LOOP_SHARE) : errand.records
      rates.push({ store: store.name, way, brought: await bring(way, store, { ...errand, records }) })
    }
  }
  return rates
}
