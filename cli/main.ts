#!/usr/bin/env node
/** `kedge`, as a process. @module */
import { createRequire } from 'node:module'
import process from 'node:process'
import type { KafkaCluster, KafkaOptions } from '../services/gateway/kafka/index.ts'
import { systemRuntime } from '../src/ports/runtime.ts'
import { run } from './program.ts'
import { showsColours } from './terminal.ts'
import type { Sink } from './terminal.ts'
import { nodeScreen } from './top/node-screen.ts'

// Imported by the name of the package, so that both the sources and the built files find it.
const { version } = createRequire(import.meta.url)('kedge/package.json') as { version: string }

const stop = new AbortController()
// `once`: a second signal finds no listener, and Node ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const sink = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => void stream.write(text),
  colours: showsColours(stream.isTTY, process.env),
  live: stream.isTTY && process.env.TERM !== 'dumb',
})
// `kedge tail | head`: `head` has closed the pipe, and that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

/** Loads Kafka's client only for commands that speak to brokers. */
async function connect(options: KafkaOptions): Promise<KafkaCluster> {
  return (await import('../services/gateway/kafka/index.ts')).kafkaCluster(options)
}

process.exitCode = await run({
  args: process.argv.slice(2),
  out: sink(process.stdout),
  err: sink(process.stderr),
  version,
  env: process.env,
  folder: process.cwd(),
  stop: stop.signal,
  runtime: systemRuntime(),
  fetch: (input, init) => fetch(input, init),
  connect,
  screen: nodeScreen(),
  whenJson: (tell) => {
    process.on('uncaughtException', (error: unknown) => {
      tell('uncaught', error instanceof Error ? error : new Error(String(error)))
      process.exit(1)
    })
    // Node's own listener writes text.
    process.removeAllListeners('warning').on('warning', (warning) => tell('warning', warning))
  },
})
