/** A gateway in a process of its own: to be killed and frozen. @module */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from '../store-servers/ports.ts'
import { guardedChild, killed } from './fault-child.ts'

const PROGRAM = fileURLToPath(new URL('gateway-process.ts', import.meta.url))

export class GatewayProcess {
  /** The same after each start. */
  readonly port: number
  readonly #brokers: string
  #child: ChildProcess | undefined

  private constructor(port: number, brokers: string) {
    this.port = port
    this.#brokers = brokers
  }

  static async before(brokers: string): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(await freePort(), brokers)
    await gateway.start()
    return gateway
  }

  /** @throws Error when it ends before it listens. */
  async start(): Promise<void> {
    const child = guardedChild(process.execPath, [PROGRAM, String(this.port), this.#brokers])
    this.#child = child
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the gateway did not start')))
    // Once the gateway listens, no code here waits for its end.
    ended.catch(() => undefined)
    await Promise.race([once(child.stdout!, 'data'), ended])
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return killed(this.#child)
  }

  /** SIGSTOP: the connections stay, and the gateway does not answer. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  /** SIGCONT. */
  resume(): void {
    this.#child?.kill('SIGCONT')
  }
}
