/** Several brokers for tests, one cluster: each is broker and controller, as small clusters have it. @module */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FOR_TESTS, kafkaAvailable, lines } from './broker.ts'
import { fetchJars, formatInto, JVM } from './jars.ts'
import { freePorts } from '../store-servers/ports.ts'
import type { ServerProcess } from '../store-servers/process.ts'
import { electedOf, voteIn } from './election.ts'
import { startJava } from './java-server.ts'

export interface Brokers {
  /** Their ids: 1, 2, 3… */
  readonly ids: readonly number[]
  /** `127.0.0.1:port` of the one with the id. */
  readonly address: (id: number) => string
  /**
   * The id of the active controller, as most of the brokers know it; that of one that has just gone, until they notice.
   * Waits while they elect another.
   */
  controller(): Promise<number>
  /** SIGKILL. */
  kill(id: number): void
  /** SIGSTOP: its connections stay, and it does not answer. */
  pause(id: number): void
  /** SIGCONT. */
  resume(id: number): void
  /** Starts it again on its data, after ending it if it still runs; under another port when it `moves`. */
  restart(id: number, options?: { readonly moves?: boolean }): Promise<void>
  /** Ends all for good, and removes their data. */
  stop(): Promise<void>
}

/** How long an election may take on a machine that computes other things. */
const ELECTION_MS = 60_000

interface Ports {
  readonly clients: number
  readonly controller: number
}

/**
 * @param properties settings of the brokers over those that tests have
 * @throws Error when there is no Java, or one of them does not start
 */
export async function startBrokers(
  count: number,
  properties: Readonly<Record<string, string>> = {},
): Promise<Brokers> {
  const reason = kafkaAvailable()
  if (reason !== undefined) throw new Error(reason)
  await fetchJars()
  const folder = await mkdtemp(join(tmpdir(), 'kedge-kafka-'))
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const free = await freePorts(2 * count)
  const ports = new Map<number, Ports>(
    ids.map((id) => [id, { clients: free[2 * id - 2]!, controller: free[2 * id - 1]! }]),
  )
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports.get(id)!.controller}`).join(',')
  const address = (id: number) => `127.0.0.1:${ports.get(id)?.clients}`
  const homeOf = (id: number) => join(folder, String(id))
  const running = new Map<number, ServerProcess>()
  const launch = async (id: number) => {
    const file = join(homeOf(id), 'server.properties')
    await writeFile(file, settings(id, join(homeOf(id), 'data'), ports.get(id)!, voters, properties))
    const args = [...JVM, 'kafka.Kafka', file]
    const log = join(folder, `${id}.log`)
    running.set(id, await startJava({ args, address: address(id), log, brokerId: id }))
  }
  // One after the other: the first formats a folder for all.
  for (const id of ids) await formatInto(join(homeOf(id), 'data'), id)
  await Promise.all(ids.map(launch))

  return {
    ids,
    address,
    async controller() {
      for (const deadline = performance.now() + ELECTION_MS; ; await sleep(5)) {
        const elected = electedOf(await Promise.all(ids.map((id) => voteIn(voteOf(homeOf(id))))))
        if (elected !== undefined) return elected
        if (performance.now() > deadline) throw new Error('the brokers elect no controller')
      }
    },
    kill: (id) => running.get(id)?.signal('SIGKILL'),
    pause: (id) => running.get(id)?.signal('SIGSTOP'),
    resume: (id) => running.get(id)?.signal('SIGCONT'),
    async restart(id, { moves = false } = {}) {
      await running.get(id)?.end('SIGTERM')
      if (moves) {
        const [clients] = await freePorts(1)
        ports.set(id, { ...ports.get(id)!, clients: clients! })
      }
      await launch(id)
    },
    async stop() {
      await Promise.all([...running.values()].map((server) => server.end('SIGKILL')))
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Where a node writes down the last election of controllers. */
const voteOf = (home: string): string => join(home, 'data', '__cluster_metadata-0', 'quorum-state')

function settings(
  id: number,
  data: string,
  { clients, controller }: Ports,
  voters: string,
  properties: Readonly<Record<string, string>>,
): string {
  const url = `PLAINTEXT://127.0.0.1:${clients}`
  return lines({
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${url},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': url,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    ...FOR_TESTS,
    // A follower that is gone leaves the in-sync replicas soon: after 30 s by default.
    'replica.lag.time.max.ms': '2000',
    'controller.quorum.election.timeout.ms': '500',
    'controller.quorum.fetch.timeout.ms': '1000',
    ...properties,
  })
}
