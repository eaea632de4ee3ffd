/**
 * The gateway that is measured, in a process of its own: `node gateway-process.ts <brokers>`. Started by
 * `fork`; sends the address where it listens, then answers each question with one message.
 *
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { Cluster } from '../../services/gateway/index.ts'

/** What a gateway has done and holds. Counts are since its start. */
export interface Standing {
  /** Milliseconds of processor time, of user and system. */
  readonly cpuMs: number
  readonly answered: number
  /** Reads of the cluster: each waits at the broker for up to a second. */
  readonly reads: number
  /** Questions for the bounds of a partition. */
  readonly bounds: number
  /** Resident, in bytes. */
  readonly rss: number
  /** JavaScript heap in use, in bytes: after a collection where one was asked for. */
  readonly heap: number
}

export type Question =
  | { readonly ask: 'standing'; readonly collect: boolean }
  /** Answered as soon as so many requests have come and are not answered. */
  | { readonly ask: 'waiting'; readonly count: number }

export type Answer =
  | { readonly url: string }
  | { readonly standing: Standing }
  | { readonly waiting: number }
  | { readonly error: string }

/** More than any run makes wait at once. */
const MAX_WAITING = 20_000

let begun = 0
let answered = 0
let reads = 0
let bounds = 0
let wanted = Infinity

const cluster = counted(kafkaCluster({ brokers: process.argv[2]!.split(',') }))
subscribe('http.server.request.start', () => {
  begun++
  tell()
})
const gateway = await startGateway({
  cluster,
  maxConnections: MAX_WAITING,
  limits: { maxPolls: MAX_WAITING },
  onRequest: () => void answered++,
  onError: (error) => send({ error: String(error) }),
})
process.on('message', (question: Question) => {
  if (question.ask === 'standing') return send({ standing: standing(question.collect) })
  wanted = question.count
  return tell()
})
// The measuring process has ended.
process.once('disconnect', () => process.exit())
send({ url: gateway.url })

function tell(): void {
  if (begun - answered < wanted) return
  wanted = Infinity
  // The request itself is handled first.
  setImmediate(() => send({ waiting: begun - answered }))
}

function standing(collect: boolean): Standing {
  const { user, system } = process.cpuUsage()
  if (collect) globalThis.gc?.()
  const { rss, heapUsed: heap } = process.memoryUsage()
  return { cpuMs: (user + system) / 1000, answered, reads, bounds, rss, heap }
}

function send(answer: Answer): void {
  if (process.connected) process.send!(answer)
}

function counted(by: Cluster): Cluster {
  return {
    id: by.id,
    topics: () => by.topics(),
    describe: (topic) => by.describe(topic),
    create: (topic, partitions) => by.create(topic, partitions),
    remove: (topic) => by.remove(topic),
    append: (topic, records) => by.append(topic, records),
    offsetAt: (...asked) => by.offsetAt(...asked),
    offsets: (topic, partition) => {
      bounds++
      return by.offsets(topic, partition)
    },
    read: (positions, options) => {
      reads++
      return by.read(positions, options)
    },
  }
}
