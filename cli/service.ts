/** Runs a service until the process gets a signal to end. @module */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { asUsage } from './failure.ts'
import { startHealth } from './health.ts'
import type { Health, RunningHealth } from './health.ts'
import type { Session } from './session.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { signatureMetrics } from './metrics/signature-metrics.ts'

interface Service {
  run(options: { readonly signal: AbortSignal }): Promise<void>
  /** Closes the service and its log. */
  close(): Promise<void>
}

export interface Serving<S extends Service> {
  readonly command: string
  readonly log: KafkaLog
  /** @param metrics those of the process, where it serves its health */
  readonly make: (metrics: ProcessMetrics | undefined) => Promise<S>
  /** Where the process serves its health; `undefined`: nowhere. */
  readonly place: string | undefined
  readonly healthOf: (service: S) => Omit<Health, 'metrics'>
  /** Registers what the service counts. Returns what is called before each scrape. */
  readonly measure: (metrics: ProcessMetrics, service: S) => (signal: AbortSignal) => Promise<void>
  /** Printed when the service runs, and when it has ended. */
  readonly begins: string
  readonly ends: (service: S) => string
}

/** @throws UsageError where the service refuses its options. */
export async function serve<S extends Service>(serving: Serving<S>, session: Session): Promise<void> {
  const { command, log, make, place, healthOf, measure, begins, ends } = serving
  const name = `kedge ${command}`
  const { terminal, stop } = session
  let service: S | undefined
  try {
    const metrics = place === undefined ? undefined : await ProcessMetrics.of(command, session)
    service = await make(metrics).catch((error: unknown) => {
      throw asUsage(error)
    })
    let health: RunningHealth | undefined
    if (metrics) {
      const before = measure(metrics, service)
      signatureMetrics(metrics, log)
      const text = async (signal: AbortSignal) => {
        await before(signal)
        return metrics.text()
      }
      health = await startHealth(place!, { ...healthOf(service), metrics: text })
    }
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
