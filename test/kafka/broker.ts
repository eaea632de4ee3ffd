/** A real broker for tests: Apache Kafka in KRaft mode, one node, on the loopback. @module */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fetchJars, formatInto, JVM, kafkaAvailable } from './jars.ts'

export { kafkaAvailable } from './jars.ts'

export interface BrokerOptions {
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
  /** SIGSTOP: the connections stay, nobody answers. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** Starts it again on its data and its ports, after ending it if it still runs. */
  restart(): Promise<void>
}

const START_MS = 60_000
const STOP_MS = 20_000

/**
 * Why tests on a broker are left out here, said aloud; `undefined` when they run.
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
  const reason = kafkaAvailable()
  if (reason !== undefined) throw new Error(reason)
  await fetchJars()
  const folder = await mkdtemp(join(tmpdir(), 'kedge-kafka-'))
  const names = Object.keys(options.listeners ?? {})
  const ports = await freePorts(2 + names.length)
  const at = (index: number) => `127.0.0.1:${ports[index] ?? 0}`
  await formatInto(join(folder, 'data'))
  await writeFile(join(folder, 'server.properties'), settings(join(folder, 'data'), ports, options))
  let running = await launch(folder, at(0))

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    // A stopped process hears nothing but SIGKILL until it goes on.
    running.kill('SIGCONT')
    running.kill(signal)
    if (!(await exited(running, STOP_MS))) running.kill('SIGKILL')
    await exited(running, STOP_MS)
  }
  return {
    bootstrap: at(0),
    listeners: Object.fromEntries(names.map((name, index) => [name, at(2 + index)])),
    get pid() {
      return running.pid ?? 0
    },
    kill: () => void running.kill('SIGKILL'),
    pause: () => void running.kill('SIGSTOP'),
    resume: () => void running.kill('SIGCONT'),
    async restart() {
      await end('SIGTERM')
      running = await launch(folder, at(0))
    },
    async stop() {
      // Nobody reads its data again: it need not end in good order.
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function launch(folder: string, address: string): Promise<ChildProcess> {
  const log = await open(join(folder, 'broker.log'), 'a')
  const args = [...JVM, 'kafka.Kafka', join(folder, 'server.properties')]
  const broker = spawn('java', args, { detached: true, stdio: ['ignore', log.fd, log.fd] })
  await log.close()
  guard(broker)
  const deadline = performance.now() + START_MS
  while (!(await listens(address))) {
    if (broker.exitCode !== null || broker.signalCode !== null || performance.now() > deadline) {
      broker.kill('SIGKILL')
      throw new Error(`The broker did not start.\n${await readFile(join(folder, 'broker.log'), 'utf8')}`)
    }
    await sleep(50)
  }
  return broker
}

/**
 * Whatever ends this process, SIGKILL included, ends the broker: a shell waits for the end of a pipe that only we
 * hold, and then kills that one pid.
 */
function guard(broker: ChildProcess): void {
  const script = 'cat >/dev/null; kill -9 "$1"'
  const shell = spawn('sh', ['-c', script, 'sh', String(broker.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const onExit = () => void broker.kill('SIGKILL')
  process.once('exit', onExit)
  broker.once('exit', () => {
    process.removeListener('exit', onExit)
    shell.kill('SIGKILL')
  })
  for (const child of [broker, shell]) child.unref()
}

async function exited(broker: ChildProcess, ms: number): Promise<boolean> {
  if (broker.exitCode !== null || broker.signalCode !== null) return true
  const timeout = new AbortController()
  return Promise.race([
    once(broker, 'exit').then(() => (timeout.abort(), true)),
    sleep(ms, false, { signal: timeout.signal }).catch(() => false),
  ])
}

async function listens(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** All are held at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address()
      server.close()
      await once(server, 'close')
      return typeof address === 'object' && address ? address.port : 0
    }),
  )
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
    // The cleaner and retention are looked at as often as tests like.
    'log.cleaner.dedupe.buffer.size': '2097152',
    'log.cleaner.backoff.ms': '100',
    'log.retention.check.interval.ms': '500',
    ...options.properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
