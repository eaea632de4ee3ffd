/** Creates, deletes and describes topics: rare, so the client's own Admin does it. @module */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, ConfigResourceTypes, findErrorBy } from '@platformatic/kafka'
import { Refusal } from '../refusal.ts'
import { CODES, FORBIDDEN, KafkaFailure, refusalOf } from './failure.ts'
import type { KafkaSettings } from './options.ts'
import type { TopicOptions } from './types.ts'
import type { Topic } from './topic.ts'
import type { Topology } from './topology.ts'

/** The pause between checks that all brokers know of the change, in milliseconds. */
const PAUSE_MS = 20
/** INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG, POLICY_VIOLATION. */
const INVALID = [CODES.invalidTopic, 37, 38, 40, 44]

export class Topics {
  readonly #settings: KafkaSettings
  readonly #topology: Topology
  #admin: Admin | undefined

  constructor(topology: Topology, settings: KafkaSettings) {
    this.#topology = topology
    this.#settings = settings
  }

  /** Resolves when the topic has leaders. @throws Refusal `exists`, `invalid`. */
  async create(name: string, { partitions, replicas, configs = {} }: TopicOptions): Promise<Topic> {
    await this.#call((admin) =>
      admin.createTopics({
        topics: [name],
        ...(partitions !== undefined && { partitions }),
        ...(replicas !== undefined && { replicas }),
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      }),
    )
    return this.#until(name, (topic) => (topic?.leaders.every(Boolean) ? topic : undefined))
  }

  /** Resolves when it is gone. @throws Refusal `unknown-topic`. */
  async remove(name: string): Promise<void> {
    const before = await this.#topology.refresh(name)
    if (!before) throw new Refusal('unknown-topic', 'Topic not found.')
    await this.#call((admin) => admin.deleteTopics({ topics: [name] }))
    await this.#until(name, (topic) => (topic?.id === before.id ? undefined : true))
  }

  /** The settings in force, defaults of the broker included; those it keeps secret are left out. */
  async configs(name: string): Promise<ReadonlyMap<string, string>> {
    if (!(await this.#topology.refresh(name))) throw new Refusal('unknown-topic', 'Topic not found.')
    const [found] = await this.#call((admin) =>
      admin.describeConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: null }],
      }),
    )
    return new Map(
      (found?.configs ?? []).flatMap(({ name: key, value }) =>
        value === null || value === undefined ? [] : [[key, value]],
      ),
    )
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.close()
  }

  async #call<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const { requestTimeoutMs: ms, clientId, brokers, connection } = this.#settings
    this.#admin ??= new Admin({
      ...connection(brokers[0]?.host ?? ''),
      clientId,
      bootstrapBrokers: [...brokers],
      requestTimeout: ms,
      timeout: ms,
      retries: 3,
      retryDelay: 100,
      metadataMaxAge: 0,
    })
    try {
      return await ask(this.#admin)
    } catch (error) {
      throw failureOf(error)
    }
  }

  async #until<T>(name: string, look: (topic: Topic | undefined) => T | undefined): Promise<T> {
    const deadline = performance.now() + this.#settings.requestTimeoutMs
    for (;;) {
      const seen = look(await this.#topology.refresh(name))
      if (seen !== undefined) return seen
      if (performance.now() >= deadline) throw new KafkaFailure('The brokers do not show the change yet.')
      await sleep(PAUSE_MS)
    }
  }
}

function failureOf(error: unknown): Error {
  const has = (code: number) => error instanceof Error && findErrorBy(error, 'apiCode', code) !== null
  if (has(CODES.topicExists)) return new Refusal('exists', 'The topic already exists.')
  if (has(CODES.unknownTopic)) return new Refusal('unknown-topic', 'Topic not found.')
  const invalid = INVALID.find(has)
  if (invalid !== undefined) {
    return new Refusal('invalid', refusalOf(invalid).message.replace('answered', 'does not take the topic:'))
  }
  const code = [...FORBIDDEN].find(has)
  return new KafkaFailure('The cluster did not carry out the change.', {
    cause: error,
    ...(code !== undefined && { code }),
  })
}
