/** The proxies, and how isolates reach Kafka by each of them. @module */
import { confluent } from '../../../adapters/kafka/confluent.ts'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { karapace } from '../../../adapters/kafka/karapace.ts'
import { redpanda } from '../../../adapters/kafka/redpanda.ts'
import { strimzi } from '../../../adapters/kafka/strimzi.ts'
import { upstash } from '../../../adapters/kafka/upstash.ts'
import { warpstream } from '../../../adapters/kafka/warpstream.ts'
import { createGateway } from '../../../services/gateway/app.ts'
import { memoryCluster } from '../../../services/gateway/memory-cluster.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { MemoryLog } from '../../../src/testing/memory-log.ts'
import { FakeKarapace } from '../../adapters/kafka/replay/fake-karapace.ts'
import type { FakeProxy, Told } from '../../adapters/kafka/replay/fake-proxy.ts'
import { FakeRedpanda } from '../../adapters/kafka/replay/fake-redpanda.ts'
import { FakeStrimzi } from '../../adapters/kafka/replay/fake-strimzi.ts'
import { FakeWarpstream } from '../../adapters/kafka/replay/fake-warpstream.ts'
import type { ProxyName } from '../scenario.ts'
import type { HttpAnswer, HttpRequest, Serve } from './http.ts'
import type { Random } from './random.ts'

export interface Proxy {
  readonly serve: Serve
  /** The adapter of an isolate. */
  readonly connect: () => KafkaLog
  /** Consumers are gone. */
  readonly forget: () => void
}

const url = 'http://proxy'
// The adapter imports its package at its first call. That takes real time, which virtual time would run past.
await upstash({ url, username: 'edge', password: 'secret', fetch: async () => new Response('[]') })
  .offsets('t', { partitions: [0] })
  .catch(() => undefined)

const runtime = systemRuntime({ isolatesRequests: false })

export function proxyOf(
  name: Exclude<ProxyName, 'memory'>,
  log: MemoryLog,
  identity: boolean,
  { random, now }: { readonly random: Random; readonly now: () => number },
): Proxy {
  switch (name) {
    case 'redpanda':
      return { ...overFake(new FakeRedpanda(log)), connect: () => redpanda({ url }) }
    case 'strimzi': {
      const fake = new FakeStrimzi(true, log)
      return { ...overFake(fake), connect: () => strimzi({ url }), forget: () => fake.consumers.clear() }
    }
    case 'karapace': {
      const fake = new FakeKarapace({ drops: random() < 0.5, now }, log)
      return { ...overKarapace(fake), connect: () => karapace({ url }) }
    }
    case 'warpstream': {
      const writer = overKarapace(new FakeKarapace({ now }, log))
      const agent = overFake(
        new FakeWarpstream({ logStart: random() < 0.5, endOutside: random() < 0.5 }, log),
      )
      return {
        serve: (request) => (request.host === 'writer' ? writer.serve(request) : agent.serve(request)),
        connect: () => warpstream({ url, produce: karapace({ url: 'http://writer' }) }),
        forget: writer.forget,
      }
    }
    case 'confluent':
      return { ...overGateway(log), connect: () => (identity ? gateway({ url }) : confluent({ url })) }
    case 'upstash':
    default:
      return {
        ...overGateway(log),
        connect: () => upstash({ url, username: 'edge', password: 'secret', gateway: identity }),
      }
  }
}

function overFake({ handle }: FakeProxy): Omit<Proxy, 'connect'> {
  return {
    serve: async (request) => answerOf(await handle(askedOf(request))),
    forget: () => undefined,
  }
}

/** Its polls wait out their time, which the fake only counts. */
function overKarapace(fake: FakeKarapace): Omit<Proxy, 'connect'> {
  return {
    serve: async (request) => {
      const before = fake.waitedMs
      const told = fake.handle(askedOf(request))
      return { ...answerOf(told), delayMs: fake.waitedMs - before }
    },
    forget: () => fake.consumers.clear(),
  }
}

function askedOf({ method, path, headers, text }: HttpRequest) {
  const at = path.indexOf('?')
  return {
    method,
    path: at === -1 ? path : path.slice(0, at),
    query: new URLSearchParams(at === -1 ? '' : path.slice(at)),
    headers,
    text,
    signal: undefined,
  }
}

function answerOf({ status, type, body }: Told): HttpAnswer {
  return {
    status,
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    ...(body === undefined ? {} : { text: typeof body === 'string' ? body : JSON.stringify(body) }),
  }
}

function overGateway(log: MemoryLog): Omit<Proxy, 'connect'> {
  const make = () => createGateway({ cluster: memoryCluster(log, { runtime }), runtime, upstash: true })
  let app = make()
  return {
    serve: async ({ method, path, headers, text }) => {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: text }
      const response = await app.fetch(new Request(`${url}${path}`, { method, headers, ...body }))
      const all: Record<string, string> = {}
      response.headers.forEach((value, name) => (all[name] = value))
      const answer = { status: response.status, headers: all }
      return response.body === null ? answer : { ...answer, text: await response.text() }
    },
    forget: () => void (app = make()),
  }
}
