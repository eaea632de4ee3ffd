/** Runs a service until the process gets a signal to end. @module */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { asUsage } from './failure.ts'
import { startHealth } from './health.ts'
import type { Health } from './health.ts'
import type { Session } from './session.ts'
import { withSignatures } from './signed-log.ts'

interface Service {
  run(options: { readonly signal: AbortSignal }): Promise<void>
  /** Closes the service and its log. */
  close(): Promise<void>
}

export interface Serving<S extends Service> {
  /** `kedge` and the name of the command. */
  readonly name: string
  readonly log: KafkaLog
  readonly make: () => Promise<S>
  /** Where the process serves its health; `undefined`: nowhere. */
  readonly place: string | undefined
  readonly healthOf: (service: S) => Health
  /** Printed when the service runs, and when it has ended. */
  readonly begins: string
  readonly ends: (service: S) => string
}

/** @throws UsageError where the service refuses its options. */
export async function serve<S extends Service>(serving: Serving<S>, session: Session): Promise<void> {
  const { name, log, make, place, healthOf, begins, ends } = serving
  const { terminal, stop } = session
  let service: S | undefined
  try {
    service = await make().catch((error: unknown) => {
      throw asUsage(error)
    })
    const health =
      place === undefined ? undefined : await startHealth(place, withSignatures(healthOf(service), log))
    if (health) terminal.say(`${name} listening on ${health.url}`)
    terminal.say(`${name} ${begins}`)
    try {
      await service.run({ signal: stop })
    } finally {
      await health?.close()
    }
    terminal.say(`${name} ${ends(service)}`)
  } finally {
    await (service ?? { close: async () => log.close?.() }).close().catch(() => undefined)
  }
}
