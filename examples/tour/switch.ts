/**
 * The switch of the demo: stops the log, as a cluster that cannot be reached would, and starts it again.
 *
 * @module
 */
import { Hono } from 'hono'
import { refuseMethod } from './origin.ts'

/** A log that can be stopped without being lost. */
export interface Pausable {
  pause(): void | Promise<void>
  resume(): void | Promise<void>
}

/** A log that knows whether it was stopped. */
export class TurnedLog implements Pausable {
  readonly #log: Pausable
  #isRunning = true

  constructor(log: Pausable) {
    this.#log = log
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  async pause(): Promise<void> {
    this.#isRunning = false
    await this.#log.pause()
  }

  async resume(): Promise<void> {
    await this.#log.resume()
    this.#isRunning = true
  }
}

/**
 * `POST /log/stop` answers `{ log: 'stopped' }` and `POST /log/start` answers `{ log: 'running' }`, also when it is
 * so already.
 */
export function createSwitch(log: Pausable): Hono {
  const app = new Hono()
  let state: 'running' | 'stopped' = 'running'
  // One turn after the other, so that two requests at once leave it in a state that it reports.
  let last: Promise<unknown> = Promise.resolve()

  async function turn(wanted: typeof state): Promise<typeof state> {
    if (state !== wanted) await (wanted === 'running' ? log.resume() : log.pause())
    state = wanted
    return state
  }

  function inTurn(wanted: typeof state): Promise<typeof state> {
    const mine = last.then(() => turn(wanted))
    last = mine.catch(() => undefined)
    return mine
  }

  app.post('/log/stop', async (c) => c.json({ log: await inTurn('stopped') }))
  app.post('/log/start', async (c) => c.json({ log: await inTurn('running') }))
  app.on('ALL', ['/log/stop', '/log/start'], refuseMethod('POST'))
  app.notFound((c) => c.json({ error: 'no such route' }, 404))
  app.onError((_error, c) => c.json({ error: 'the log did not obey' }, 500))
  return app
}
