/**
 * The contract of a Kafka log over HTTP, from wherever this runs: the product's adapters, against a gateway outside.
 *
 * Web standards only: it runs in a bare workerd.
 */
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { upstash } from '../../adapters/kafka/upstash.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { SUITES } from '../conformance/suites.ts'
import type { SuiteName } from '../conformance/suites.ts'
import type { Runner } from './harness.ts'

/** Where what is outside can be reached, by HTTP. */
export interface Outside {
  /** The gateway. */
  readonly gateway: string
  /** Makes topics, recreates them and lets retention take records. */
  readonly server: string
}

const CONNECT: Readonly<Record<SuiteName, (url: string) => KafkaLog>> = {
  stateless: (url) => gateway({ url }),
  instances: (url) => confluent({ url }),
  v3: (url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } }),
  upstash: (url) => upstash({ url, username: 'edge', password: 'secret', gateway: true }),
}

export function overHttp(runner: Runner, outside: Outside): void {
  const server = async (path: string, query: Record<string, string | number>): Promise<string> => {
    const text = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    const response = await fetch(`${outside.server}/${path}?${text.join('&')}`)
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return response.text()
  }
  for (const [name, connect] of Object.entries(CONNECT) as [SuiteName, (url: string) => KafkaLog][]) {
    logSuite({
      ...runner,
      ...SUITES[name],
      create() {
        const log = connect(outside.gateway)
        return {
          log,
          topic: (partitions) => server('topic', { partitions }),
          recreate: async (topic) => void (await server('recreate', { topic })),
          truncate: async (topic, partition, offset) =>
            void (await server('truncate', { topic, partition, offset })),
          close: () => log.close?.(),
        }
      },
    })
  }
}
