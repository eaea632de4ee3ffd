/** Runs a service until the process gets a signal to end. @module */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { asUsage } from './failure.ts'
import { startHealth } from './health.ts'
import type { Health, RunningHealth } from './health.ts'
import type { Session } from './session.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { signatureMetrics } from './metrics/signature-metrics.ts'
import { Startup } from './startup.ts'

interface Service {
  run(options: { readonly signal: AbortSignal }): Promise<void>
  /** Closes the service and its log. */
  close(): Promise<void>
  stats(): object
}

export type ServiceHealth = Required<Omit<Health, 'metrics'>>

export interface Serving<S extends Service> {
  readonly command: string
  readonly log: KafkaLog
  /**
   * Asks the log by `startup`: it may not be up yet.
   *
   * @param metrics those of the process, where it serves its health
   */
  readonly make: (startup: Startup, metrics: ProcessMetrics | undefined) => Promise<S>
  /** Where the process serves its health; `undefined`: nowhere. */
  readonly place: string | undefined
  readonly healthOf: (service: S) => ServiceHealth
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
  const startup = new Startup(name, session)
  let service: S | undefined
  let health: RunningHealth | undefined
  try {
    const metrics = place === undefined ? undefined : await ProcessMetrics.of(command, session)
    if (place !== undefined) {
      health = await startHealth(place, startup)
      const { url } = health
      terminal.tell('info', 'listening', `${name} listening on ${url}`, { url })
    }
    service = await make(startup, metrics).catch((error: unknown) => {
      if (stop.aborted) return undefined
      throw asUsage(error)
    })
    if (service === undefined) {
      terminal.tell('info', 'ended', `${name} has ended before it reached the log`)
      return
    }
    if (metrics) {
      const before = measure(metrics, service)
      signatureMetrics(metrics, log)
      const text = async (signal: AbortSignal) => {
        await before(signal)
        return metrics.text()
      }
      startup.serves({ ...healthOf(service), metrics: text })
    }
    terminal.tell('info', 'begins', `${name} ${begins}`)
    await service.run({ signal: stop })
    terminal.tell('info', 'ended', `${name} ${ends(service)}`, { stats: service.stats() })
  } finally {
    await health?.close()
    await (service ?? { close: async () => log.close?.() }).close().catch(() => undefined)
  }
}
