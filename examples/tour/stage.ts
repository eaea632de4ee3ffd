/**
 * Everything that the tour visits, started and stopped together.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Airports } from './airports.ts'
import type { Addresses } from './curl.ts'
import { startIsolate } from './isolate.ts'
import { addTourPage } from './live-page.ts'
import { createOrigin } from './origin.ts'
import { messageOf, serveApp, StartError, type OpenServer, type PortWish } from './server.ts'
import { createSwitch, TurnedLog, type Pausable } from './switch.ts'
import { SETTINGS } from './tour.ts'

const READY_MS = 10_000
const READY_RETRY_MS = 100

/** The parts that are not the demo's own. */
export interface Parts {
  /** Opens the log and its HTTP: in the Kafka of these brokers, or in memory when there are none. */
  openLog(wish: PortWish, brokers?: readonly string[]): Promise<OpenServer & Pausable>
  /** The worker as one ES module. */
  bundle(): Promise<string>
}

/** The first of five ports in a row (0: any), whether others will do, and where the log is. */
export interface StageOptions {
  readonly firstPort: number
  readonly orAnother: boolean
  /** @default none: the log is in memory */
  readonly brokers?: readonly string[]
}

export interface Stage {
  /** `page` shows what the tour does. */
  readonly places: Addresses & { readonly log: string; readonly page: string }
  /** Stops everything that runs, the workers first. Resolves when all of it has ended. */
  close(): Promise<void>
}

/** Things to stop, the last opened first. */
class Closers {
  readonly #open: OpenServer[] = []

  async keep<T extends OpenServer>(opening: Promise<T>): Promise<T> {
    const server = await opening
    this.#open.push(server)
    return server
  }

  async close(): Promise<void> {
    const failed: unknown[] = []
    for (const server of this.#open.splice(0).toReversed()) {
      await server.close().catch((error: unknown) => failed.push(error))
    }
    if (failed.length > 0) throw new AggregateError(failed, 'not everything could be stopped')
  }
}

/** Waits until a worker has proved that it knows the log to its end: only then is what it loads kept. */
async function untilReady(name: string, { url }: OpenServer): Promise<void> {
  const deadline = AbortSignal.timeout(READY_MS)
  let last = 'no answer'
  while (!deadline.aborted) {
    try {
      const response = await fetch(`${url}/readyz`, { signal: deadline })
      if (response.ok) return
      last = `${response.status} ${(await response.text()).slice(0, 300)}`
      await sleep(READY_RETRY_MS, undefined, { signal: deadline })
    } catch (error) {
      if (!deadline.aborted) last = messageOf(error)
      await sleep(READY_RETRY_MS)
    }
  }
  throw new StartError(`Worker ${name} was not ready within ${READY_MS / 1000} seconds: ${last}`)
}

/**
 * Starts the log, the origin, the switch and two workers, and waits until both workers are ready.
 * @throws StartError when a port is taken and no other will do, or a worker does not become ready. Nothing runs on.
 */
export async function openStage(parts: Parts, options: StageOptions): Promise<Stage> {
  const { firstPort, orAnother, brokers } = options
  const wish = (nth: number): PortWish => ({ port: firstPort === 0 ? 0 : firstPort + nth, orAnother })
  const airports = new Airports()
  const closers = new Closers()
  const close = async (): Promise<void> => {
    await closers.close().finally(() => airports.close())
  }
  try {
    const bundling = parts.bundle()
    // It is awaited only below; until then its failure must not count as an unhandled rejection.
    bundling.catch(() => undefined)
    const log = await closers.keep(parts.openLog(wish(3), brokers))
    const origin = await closers.keep(serveApp(createOrigin(airports), wish(2)))
    const turned = new TurnedLog(log)
    const control = createSwitch(turned)
    // Before it listens: a page that was left open asks at once.
    const watch = addTourPage(control, () => turned.isRunning)
    const controlling = await closers.keep(serveApp(control, wish(4)))
    const script = await bundling
    const bindings = {
      ...SETTINGS,
      KAFKA_REST_URL: log.url,
      KAFKA_FLAVOR: 'gateway',
      ORIGIN_URL: origin.url,
      ORIGIN_FORMAT: 'envelope',
      NAMESPACES: 'airports',
      AUTH: 'open',
    }
    const start = (nth: number): Promise<OpenServer> =>
      closers.keep(startIsolate({ script, bindings, port: wish(nth) }))
    const starting = [start(0), start(1)] as const
    // Both are settled before a failure of one is thrown: what has started must be stopped.
    await Promise.allSettled(starting)
    const [a, b] = await Promise.all(starting)
    await Promise.all([untilReady('A', a), untilReady('B', b)])
    const places = { a: a.url, b: b.url, origin: origin.url, switch: controlling.url, log: log.url }
    watch(places)
    return { places: { ...places, page: `${controlling.url}/ui` }, close }
  } catch (error) {
    await close()
    throw error
  }
}
