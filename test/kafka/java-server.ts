/** A server of Java as a process of its own. @module */
import { listens } from '../store-servers/ports.ts'
import { ServerProcess } from '../store-servers/process.ts'

export interface JavaServerOptions {
  /** What `java` is given. */
  readonly args: readonly string[]
  /** `host:port` that it listens on when it is ready. */
  readonly address: string
  /** Where what it prints goes. */
  readonly log: string
}

/** Resolves when it listens. @throws Error with what it printed, when it does not. */
export const startJava = ({ args, address, log }: JavaServerOptions): Promise<ServerProcess> =>
  ServerProcess.start({ program: { file: 'java', env: {} }, args, log, ready: () => listens(address) })
