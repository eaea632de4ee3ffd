/** The oldest Kafka that the gateway is said to stand on, as it was run then: one broker, its topics in ZooKeeper. @module */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FOR_TESTS, kafkaAvailable, lines } from './broker.ts'
import { fetchJars, jvmOf } from './jars.ts'
import { freePorts } from '../store-servers/ports.ts'
import type { ServerProcess } from '../store-servers/process.ts'
import { startJava } from './java-server.ts'

export const OLDEST = '2.8.2'

export interface OldBroker {
  /** `127.0.0.1:port`. */
  readonly bootstrap: string
  /** Ends both for good, and removes their data. */
  stop(): Promise<void>
}

/** @throws Error when there is no Java, or one of the two does not start. */
export async function startOldBroker(): Promise<OldBroker> {
  const reason = kafkaAvailable()
  if (reason !== undefined) throw new Error(reason)
  await fetchJars(OLDEST)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-kafka-'))
  const [clients = 0, keeper = 0] = await freePorts(2)
  const start = async (
    main: string,
    port: number,
    properties: Readonly<Record<string, string>>,
    brokerId?: number,
  ) => {
    const file = join(folder, `${main}.properties`)
    await writeFile(file, lines(properties))
    const args = [...jvmOf(OLDEST), main, file]
    const log = join(folder, `${main}.log`)
    return startJava({ args, address: `127.0.0.1:${port}`, log, ...(brokerId !== undefined && { brokerId }) })
  }
  await mkdir(join(folder, 'keeper'))
  const zookeeper = await start('org.apache.zookeeper.server.quorum.QuorumPeerMain', keeper, {
    dataDir: join(folder, 'keeper'),
    clientPort: String(keeper),
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': 'false',
  })
  const end = async (...servers: readonly ServerProcess[]) => {
    for (const server of servers) await server.end('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const properties = {
      'broker.id': '1',
      'zookeeper.connect': `127.0.0.1:${keeper}`,
      listeners: `PLAINTEXT://127.0.0.1:${clients}`,
      'log.dirs': join(folder, 'data'),
      ...FOR_TESTS,
    }
    const broker = await start('kafka.Kafka', clients, properties, 1)
    return { bootstrap: `127.0.0.1:${clients}`, stop: () => end(broker, zookeeper) }
  } catch (error) {
    await end(zookeeper)
    throw error
  }
}
