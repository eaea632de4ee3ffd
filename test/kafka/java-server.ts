/** A server of Java as a process of its own. @module */
import { Admin } from '@platformatic/kafka'
import { listens } from '../store-servers/ports.ts'
import { ServerProcess } from '../store-servers/process.ts'

export interface JavaServerOptions {
  /** What `java` is given. */
  readonly args: readonly string[]
  /** `host:port` that it listens on when it is ready. */
  readonly address: string
  /** Where what it prints goes. */
  readonly log: string
  /** Of a Kafka broker its id: a broker is ready when its cluster has registered it. */
  readonly brokerId?: number
}

/** Resolves when it is ready. @throws Error with what it printed, when it does not get so far. */
export const startJava = ({ args, address, log, brokerId }: JavaServerOptions): Promise<ServerProcess> =>
  ServerProcess.start({
    program: { file: 'java', env: {} },
    args,
    log,
    ready: async () =>
      (await listens(address)) && (brokerId === undefined || (await isRegistered(address, brokerId))),
  })

/**
 * Whether the broker counts itself among those of its cluster, under whatever address it advertises. It listens a little
 * earlier, while the controller still keeps it fenced: a topic that is created then is refused, because there is no
 * broker to put it on.
 */
async function isRegistered(address: string, id: number): Promise<boolean> {
  const admin = new Admin({ clientId: 'test-start', bootstrapBrokers: [address], retries: 0, timeout: 5000 })
  try {
    const { brokers } = await admin.metadata({ topics: [], forceUpdate: true })
    return brokers.has(id)
  } catch {
    return false
  } finally {
    await admin.close()
  }
}
