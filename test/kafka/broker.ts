/** A real broker for tests: Apache Kafka in KRaft mode, one node, on the loopback. @module */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchJars, formatInto, jvmOf, kafkaAvailable, VERSION } from './jars.ts'
import { freePorts } from '../store-servers/ports.ts'
import { startJava } from './java-server.ts'

export { kafkaAvailable } from './jars.ts'

export interface BrokerOptions {
  /** Of Apache Kafka, 3.7 or newer: older ones format their logs in another way. @default {@link VERSION} */
  readonly version?: string
  /** Settings of the broker over those that tests have. */
  readonly properties?: Readonly<Record<string, string>>
  /** Listeners beside the plain one, by name: the security protocol of each. They get ports of their own. */
  readonly listeners?: Readonly<Record<string, 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL'>>
}

export interface Broker {
  /** `127.0.0.1:port` of the plain listener. The same after a restart. */
  readonly bootstrap: string
  /** `127.0.0.1:port` of each listener asked for. */
  readonly listeners: Readonly<Record<string, string>>
  /** The broker's process. */
  readonly pid: number
  /** SIGKILL. */
  kill(): void
  /** Ends it for good, and removes its data. */
  stop(): Promise<void>
  /** SIGSTOP: the connections stay, and the broker does not answer. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** Starts it again on its data and its ports, after ending it if it still runs. */
  restart(): Promise<void>
}

/** What brokers of every kind have here. */
export const FOR_TESTS: Readonly<Record<string, string>> = {
  'num.partitions': '1',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // A killed broker may not come back before its old session has ended: 9 s by default.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '200',
  // The cleaner and retention run often enough for tests.
  'log.cleaner.dedupe.buffer.size': '2097152',
  'log.cleaner.backoff.ms': '100',
  'log.retention.check.interval.ms': '500',
  // From the start on: after 30 s by default.
  'log.initial.task.delay.ms': '500',
  // Records of tests carry any timestamp.
  'log.retention.ms': '-1',
}

/**
 * Why tests on a broker are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function withoutKafka(): string | undefined {
  const reason = kafkaAvailable()
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests on a real broker must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED on a real broker: ${reason}\n`)
  return reason
}

/** @throws Error when there is no Java, or the broker does not start. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { version = VERSION } = options
  const reason = kafkaAvailable()
  if (reason !== undefined) throw new Error(reason)
  await fetchJars(version)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-kafka-'))
  const names = Object.keys(options.listeners ?? {})
  const ports = await freePorts(2 + names.length)
  const at = (index: number) => `127.0.0.1:${ports[index] ?? 0}`
  await formatInto(join(folder, 'data'), 1, version)
  await writeFile(join(folder, 'server.properties'), settings(join(folder, 'data'), ports, options))
  const launch = () =>
    startJava({
      args: [...jvmOf(version), 'kafka.Kafka', join(folder, 'server.properties')],
      address: at(0),
      log: join(folder, 'broker.log'),
      brokerId: 1,
    })
  let running = await launch()

  return {
    bootstrap: at(0),
    listeners: Object.fromEntries(names.map((name, index) => [name, at(2 + index)])),
    get pid() {
      return running.pid
    },
    kill: () => running.signal('SIGKILL'),
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    async restart() {
      await running.end('SIGTERM')
      running = await launch()
    },
    async stop() {
      // No test reads its data again: it need not end in good order.
      await running.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function settings(data: string, ports: readonly number[], options: BrokerOptions): string {
  const extra = Object.entries(options.listeners ?? {})
  const listeners = ['PLAINTEXT', ...extra.map(([name]) => name)]
  const addresses = [0, ...extra.map((_, index) => 2 + index)].map((index) => `127.0.0.1:${ports[index]}`)
  const urls = listeners.map((name, index) => `${name}://${addresses[index]}`)
  const protocols = extra.map(([name, protocol]) => `${name}:${protocol}`)
  const all: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports[1]}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: [...urls, `CONTROLLER://127.0.0.1:${ports[1]}`].join(','),
    'advertised.listeners': urls.join(','),
    'listener.security.protocol.map': ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...protocols].join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    ...FOR_TESTS,
    ...options.properties,
  }
  return lines(all)
}

/** Settings as Java's `.properties` has them. */
export const lines = (properties: Readonly<Record<string, string>>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
