/** Which commands there are. Each is loaded when it is asked for: schemas, adapters and Kafka's client take longer than a version. @module */
import type { Command } from 'commander'
import type { Done } from './command.ts'
import type { Session } from './session.ts'

type Make = (session: Session, done: Done) => Command

interface Known {
  /** As the command itself says it. */
  readonly says: string
  readonly load: () => Promise<Make>
}

/** By name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Known>> = {
  gateway: {
    says: "Kafka over HTTP, in the protocols of Redpanda's, Confluent's and Upstash's proxies.",
    load: async () => (await import('./gateway.ts')).gatewayCommand,
  },
  serve: {
    says: 'A cache behind HTTP, as a process beside those that use it.',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  topics: {
    says: 'The topics: make them, or tell what is wrong with them.',
    load: async () => (await import('./topics.ts')).topicsCommand,
  },
  doctor: {
    says: 'Tells what is wrong with a proxy, with the topics, or with a token.',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  tail: {
    says: 'Shows evictions, or updates, one line each; flags those that cannot be read.',
    load: async () => (await import('./tail.ts')).tailCommand,
  },
  get: {
    says: 'The latest update of a key, and whether it may still be served. Exit code 1 when it may not.',
    load: async () => (await import('./get.ts')).getCommand,
  },
  evict: {
    says: 'Publishes an eviction, and prints its token when Kafka has acknowledged it.',
    load: async () => (await import('./evict.ts')).evictCommand,
  },
  loader: {
    says: 'Loads what isolates miss, each key once however many ask.',
    load: async () => (await import('./loader.ts')).loaderCommand,
  },
  persister: {
    says: 'Writes to their sources what writeBehind() has written to the log.',
    load: async () => (await import('./persister.ts')).persisterCommand,
  },
  sync: {
    says: 'Keeps Redis or Memcached equal to a topic.',
    load: async () => (await import('./sync.ts')).syncCommand,
  },
}
