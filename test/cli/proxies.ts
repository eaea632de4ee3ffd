/** A proxy of each kind, without a network. */
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import type { MemoryLog } from '../../src/testing/memory-log.ts'
import { FakeKarapace } from '../adapters/kafka/replay/fake-karapace.ts'
import { asFetch, type FakeProxy, newLog } from '../adapters/kafka/replay/fake-proxy.ts'
import { FakeRedpanda } from '../adapters/kafka/replay/fake-redpanda.ts'
import { FakeStrimzi } from '../adapters/kafka/replay/fake-strimzi.ts'
import { FakeWarpstream } from '../adapters/kafka/replay/fake-warpstream.ts'

/** Makes a transport to a proxy over the log. */
type MakeProxy = (log?: MemoryLog) => typeof fetch

/** A log with the topics of a cache, and a heartbeat in each. */
export function filled(): MemoryLog {
  const log = newLog()
  for (const topic of ['cache-evictions', 'cache-updates']) {
    log.createTopic(topic)
    log.append(topic, { key: null, value: new TextEncoder().encode('{"v":1,"op":"beat","at":1}') })
  }
  return log
}

const fake = (proxy: FakeProxy): typeof fetch => asFetch(proxy.handle)

const gateway: MakeProxy = (log = filled()) => {
  const app = createGateway({ cluster: memoryCluster(log) })
  return async (input, init) => app.fetch(new Request(input, init))
}

/** The gateway as kafka-rest is: it does not say its name, and gives no id of a topic. */
const confluent: MakeProxy = (log) => {
  const ours = gateway(log)
  return async (input, init) => {
    const { pathname } = new URL(new Request(input, init).url)
    if (pathname === '/') return Response.json({})
    if (pathname === '/brokers') return Response.json({ brokers: [1] })
    if (/^\/topics\/.*\/records$/.test(pathname))
      return Response.json({ error_code: 404, message: 'HTTP 404 Not Found' }, { status: 404 })
    const answer = await ours(input, init)
    const headers = new Headers(answer.headers)
    headers.delete('kedge-log-id')
    return new Response(answer.body, { status: answer.status, headers })
  }
}

export const SERVERS: Readonly<Record<string, MakeProxy>> = {
  gateway,
  confluent,
  redpanda: (log = filled()) => fake(new FakeRedpanda(log)),
  strimzi: (log = filled()) => fake(new FakeStrimzi(true, log)),
  karapace: (log = filled()) => fake(new FakeKarapace({}, log)),
  warpstream: (log = filled()) => fake(new FakeWarpstream({ logStart: true, endOutside: true }, log)),
}
