/**
 * The commands. Each is loaded only when it runs: `--version` must not wait for schemas, adapters and Kafka's
 * client (decision 102).
 *
 * @module
 */
import type { Command } from 'commander'
import type { Done } from './command.ts'
import type { Session } from './session.ts'

type Make = (session: Session, done: Done) => Command

interface Known {
  /** The first sentence of the command's own help. */
  readonly says: string
  readonly load: () => Promise<Make>
  /** It lives long, and reports as `--log-format` says. */
  readonly logs?: true
}

/** By name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Known>> = {
  gateway: {
    says: "Serves Kafka over HTTP, in the protocols of Redpanda's and Confluent's proxies.",
    load: async () => (await import('./gateway.ts')).gatewayCommand,
    logs: true,
  },
  audit: {
    says: 'Compares an audit with its chain.',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  serve: {
    says: 'Serves a cache over HTTP, as a process beside its clients.',
    load: async () => (await import('./serve.ts')).serveCommand,
    logs: true,
  },
  topics: {
    says: 'Creates the topics, or reports what is wrong with them.',
    load: async () => (await import('./topics.ts')).topicsCommand,
  },
  doctor: {
    says: 'Reports what is wrong with a proxy, the topics or a token.',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  top: {
    says: 'Shows what processes do, in a terminal.',
    load: async () => (await import('./top.ts')).topCommand,
  },
  tail: {
    says: 'Shows evictions or updates, one line each, and flags unreadable ones.',
    load: async () => (await import('./tail.ts')).tailCommand,
  },
  get: {
    says: 'Shows the latest update of a key, and whether caches may serve it. Exit code 1 when they may not.',
    load: async () => (await import('./get.ts')).getCommand,
  },
  evict: {
    says: 'Publishes an eviction, and prints its token when Kafka has acknowledged it.',
    load: async () => (await import('./evict.ts')).evictCommand,
  },
  loader: {
    says: 'Loads the keys that isolates miss, each once however many isolates ask.',
    load: async () => (await import('./loader.ts')).loaderCommand,
    logs: true,
  },
  persister: {
    says: 'Writes to the sources what writeBehind() has written to the log.',
    load: async () => (await import('./persister.ts')).persisterCommand,
    logs: true,
  },
  sync: {
    says: 'Keeps Redis or Memcached equal to a topic.',
    load: async () => (await import('./sync.ts')).syncCommand,
    logs: true,
  },
}
