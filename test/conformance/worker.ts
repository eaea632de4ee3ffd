/** Runs one test of the contract inside of a Worker, over an adapter, against a gateway outside of it. */
import { confluent } from '../../adapters/confluent.ts'
import { upstash } from '../../adapters/upstash.ts'
import type { KafkaLog } from '../../src/log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { miniExpect } from './mini-expect.ts'
import { SUITES, type SuiteName } from './suites.ts'

interface Env {
  readonly URL: string
  /** What the suite asks of the server behind the log. Answers with a topic's name. */
  readonly SERVER: { fetch(url: string): Promise<Response> }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const tests = new Map<string, () => Promise<void>>()
    const suite = searchParams.get('suite') as SuiteName
    const server = async (path: string) => (await env.SERVER.fetch(`http://server/${path}`)).text()
    logSuite({
      ...SUITES[suite],
      create: () => ({
        log: CONNECT[suite](env.URL),
        topic: (partitions) => server(`topic?partitions=${partitions}`),
        recreate: async (topic) => {
          await server(`recreate?topic=${topic}`)
        },
        truncate: async (topic, partition, offset) => {
          await server(`truncate?topic=${topic}&partition=${partition}&offset=${offset}`)
        },
        close: () => undefined,
      }),
      describe: (_, body) => body(),
      it: (name, body) => void tests.set(name, body),
      expect: miniExpect,
    })
    const name = searchParams.get('test') ?? ''
    try {
      await tests.get(name)?.()
      return new Response(tests.has(name) ? 'passed' : `there is no test "${name}"`)
    } catch (error) {
      return new Response(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  },
}

const CONNECT: Readonly<Record<SuiteName, (url: string) => KafkaLog>> = {
  stateless: (url) => confluent({ url, gateway: true }),
  instances: (url) => confluent({ url }),
  v3: (url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } }),
  upstash: (url) => upstash({ url, username: 'edge', password: 'secret', gateway: true }),
}
