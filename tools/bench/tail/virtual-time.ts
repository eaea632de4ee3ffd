/**
 * Virtual time, in whole milliseconds: what is due in one of them is done together, and nothing is waited for.
 *
 * @module
 */
import { createHmac } from 'node:crypto'

export class VirtualTime {
  now = 0
  readonly #due = new Map<number, (() => void)[]>()

  /** Runs the task after so many milliseconds, at the earliest in the next one. */
  after(ms: number, task: () => void): void {
    const moment = Math.max(this.now + 1, Math.ceil(this.now + ms))
    const list = this.#due.get(moment)
    if (list) list.push(task)
    else this.#due.set(moment, [task])
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => reject(signal!.reason as Error)
      this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Lets time pass. Whatever the tasks of a millisecond lead to without waiting is done before the next one begins. */
  async run(untilMs: number): Promise<void> {
    while (this.now < untilMs) {
      this.now++
      const tasks = this.#due.get(this.now)
      if (tasks === undefined) continue
      this.#due.delete(this.now)
      for (const task of tasks) task()
      // Microtasks are over when the event loop comes to this.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/**
 * Makes signatures in this thread until the returned function is called: the platform makes them in another one, which takes
 * real time, and no two runs would be the same.
 */
export function signHere(): () => void {
  const { subtle } = crypto
  const hmac = (key: { raw: Uint8Array }, bytes: Uint8Array): Buffer =>
    createHmac('sha256', key.raw).update(bytes).digest()
  const here = {
    importKey: async (_: 'raw', raw: Uint8Array) => ({ raw }),
    sign: async (_: 'HMAC', key: { raw: Uint8Array }, bytes: Uint8Array) => hmac(key, bytes),
    verify: async (_: 'HMAC', key: { raw: Uint8Array }, given: Uint8Array, bytes: Uint8Array) =>
      hmac(key, bytes).equals(given),
  }
  for (const [name, value] of Object.entries(here))
    Object.defineProperty(subtle, name, { configurable: true, value })
  return () => {
    for (const name of Object.keys(here)) Reflect.deleteProperty(subtle, name)
  }
}
